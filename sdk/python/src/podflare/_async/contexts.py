"""Interpreters of a sandbox beside its first one."""

from __future__ import annotations

import builtins

from podflare._async.transport import AsyncTransport
from podflare._records import read, read_all
from podflare._requests import delete, get, given, post, segment
from podflare.types import ContextInfo


class AsyncContexts:
    """Each has variables, a folder and a queue of its own. Code runs in one by
    ``run_code(code, context=context_id)``."""

    def __init__(self, transport: AsyncTransport, path: str) -> None:
        self._transport = transport
        self._path = f"{path}/contexts"

    async def create(
        self,
        language: str = "python",
        *,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
    ) -> ContextInfo:
        """``language``: ``python``, ``bash``, and ``javascript`` where the template has Node; else
        ``LanguageNotAvailable``. ``env``: besides the sandbox's."""
        body = given(language=language, cwd=cwd, env=env)
        return read(ContextInfo, await self._transport.call(post(self._path, body)))

    async def list(self) -> builtins.list[ContextInfo]:
        return read_all(ContextInfo, await self._transport.call(get(self._path)), "contexts")

    async def remove(self, context_id: str) -> None:
        """Ends a context with its calls; one that is not there is no error."""
        await self._transport.call(delete(f"{self._path}/{segment(context_id)}"))

    async def restart(self, context_id: str) -> ContextInfo:
        """Begins anew, with the same language, folder and variables; its calls end."""
        path = f"{self._path}/{segment(context_id)}/restart"
        return read(ContextInfo, await self._transport.call(post(path, {})))

    async def interrupt(self, context_id: str) -> ContextInfo:
        """Interrupts the call that runs in it."""
        path = f"{self._path}/{segment(context_id)}/interrupt"
        return read(ContextInfo, await self._transport.call(post(path, {})))
