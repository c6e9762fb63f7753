"""Sandboxes that stand still: Spaces and snapshots."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from podflare._async.transport import AsyncTransport
from podflare._records import read, read_all
from podflare._requests import delete, get, segment
from podflare.types import SnapshotInfo, SpaceInfo

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from podflare._async.client import AsyncClient
    from podflare._async.sandbox import AsyncSandbox
    from podflare._options import ResumeOptions


class AsyncSpaces:
    """Sandboxes that are frozen into the server's checkpoint store."""

    def __init__(self, client: AsyncClient, transport: AsyncTransport) -> None:
        self._client = client
        self._transport = transport

    async def list(self) -> builtins.list[SpaceInfo]:
        """Those of this key, oldest first; of an admin key: all."""
        return read_all(SpaceInfo, await self._transport.call(get("/v1/spaces")), "spaces")

    async def get(self, space_id: str) -> SpaceInfo:
        """``SpaceNotFound`` also after it was resumed."""
        path = f"/v1/spaces/{segment(space_id)}"
        return read(SpaceInfo, await self._transport.call(get(path)))

    async def resume(self, space_id: str, **options: Unpack[ResumeOptions]) -> AsyncSandbox:
        """Goes on with a Space as a new sandbox; the Space is used up, unless ``keep``.
        ``CheckpointUnfit`` and ``CheckpointCorrupt`` leave it."""
        return await self._client.resume(space_id, **options)

    async def delete(self, space_id: str) -> None:
        """Deletes a Space and the sandbox in it; repeating it is no error."""
        await self._transport.call(delete(f"/v1/spaces/{segment(space_id)}"))


class AsyncSnapshots:
    """Copies of sandboxes, to go on from: ``Sandbox(snapshot=…)`` or ``sandbox.rollback(…)``."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> builtins.list[SnapshotInfo]:
        """Those of this key, oldest first; of an admin key: all."""
        answer = await self._transport.call(get("/v1/snapshots"))
        return read_all(SnapshotInfo, answer, "snapshots")

    async def delete(self, snapshot_id: str) -> None:
        """Sandboxes that were made of it live on; repeating it is no error."""
        await self._transport.call(delete(f"/v1/snapshots/{segment(snapshot_id)}"))
