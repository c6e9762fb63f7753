"""Values that a sandbox uses in its requests and never has."""

from __future__ import annotations

import builtins

from podflare._async.transport import AsyncTransport
from podflare._records import read, read_all
from podflare._requests import delete, get, given, put, segment
from podflare.types import SecretInfo


class AsyncSecrets:
    """The server puts them into requests over TLS to the hosts that are named; programs of the
    sandbox find a placeholder in the variable of the secret's name."""

    def __init__(self, transport: AsyncTransport, path: str) -> None:
        self._transport = transport
        self._path = path + "/secrets"

    async def list(self) -> builtins.list[SecretInfo]:
        """By name; without their values."""
        return read_all(SecretInfo, await self._transport.call(get(self._path)), "secrets")

    async def set(
        self,
        name: str,
        value: str,
        *,
        hosts: builtins.list[str],
        header: str | None = None,
        query: str | None = None,
    ) -> SecretInfo:
        """Adds one, or changes the one of this name, from the next request on.

        :param hosts: ``api.example.com``, ``*.example.com``, each with ``:port`` if it is not 443
        :param header: field that it goes into; either this or ``query``
        :param query: parameter of the query that it goes into; hosts like to repeat those
        """
        body = given(value=value, hosts=hosts, header=header, query=query)
        request = put(f"{self._path}/{segment(name)}", body)
        return read(SecretInfo, await self._transport.call(request))

    async def delete(self, name: str) -> None:
        """No request gets it any more when this returns. ``SecretNotFound``."""
        await self._transport.call(delete(f"{self._path}/{segment(name)}"))
