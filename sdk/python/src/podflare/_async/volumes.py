"""Folders that many sandboxes mount at once, and that outlive them."""

from __future__ import annotations

import builtins

from podflare._async.transport import AsyncTransport
from podflare._records import read, read_all
from podflare._requests import create, delete, get, given, segment
from podflare.types import VolumeInfo


class AsyncVolumes:
    """A sandbox gets them by ``mounts`` when it is made; an id and a name serve alike."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, name: str, *, max_mib: int | None = None) -> VolumeInfo:
        """An empty one. ``VolumeExists``; ``TooManyVolumes``.

        :param max_mib: most that its files may take; else the server's limit
        """
        request = create("/v1/volumes", given(name=name, max_mib=max_mib))
        return read(VolumeInfo, await self._transport.call(request))

    async def list(self) -> builtins.list[VolumeInfo]:
        """Those of this key, by name; of an admin key: all."""
        return read_all(VolumeInfo, await self._transport.call(get("/v1/volumes")), "volumes")

    async def get(self, volume: str) -> VolumeInfo:
        """What is in it, and who has it mounted."""
        return read(VolumeInfo, await self._transport.call(get(_path(volume))))

    async def delete(self, volume: str, *, force: bool = False) -> None:
        """Deletes it with all that is in it; repeating it is no error. ``VolumeInUse``, with
        ``details["sandboxes"]`` and ``["snapshots"]``, while those have it.

        :param force: all the same; its files are stale to those
        """
        await self._transport.call(delete(_path(volume), {"force": force or None}))


def _path(volume: str) -> str:
    return f"/v1/volumes/{segment(volume)}"
