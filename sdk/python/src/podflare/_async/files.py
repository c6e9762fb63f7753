"""The files of a sandbox, streamed both ways."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from podflare import errors
from podflare._async import runtime
from podflare._async.transport import AsyncTransport
from podflare._folds import Objects
from podflare._patience import JoinPatience
from podflare._records import read, read_all
from podflare._requests import Request, delete, get, given, post, query
from podflare._sources import Source, Uploadable
from podflare.types import FileEntry, Unpacked, WatchedChange, WrittenFile

RESUMABLE = 4 << 20
FOREVER = 7 * 24 * 3600.0


class AsyncFiles:
    """Paths are absolute, or begin at ``/root``. Errors are those of files in ``podflare.errors``,
    which are also ``OSError``, for example ``FileNotFound`` a ``FileNotFoundError``."""

    def __init__(self, transport: AsyncTransport, path: str) -> None:
        self._transport = transport
        self._path = f"{path}/files"

    async def read(self, path: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """The bytes of a file, or ``length`` of them from ``offset`` on, fewer at its end."""
        return b"".join([piece async for piece in self.stream(path, offset=offset, length=length)])

    async def read_text(self, path: str, encoding: str = "utf-8") -> str:
        return (await self.read(path)).decode(encoding)

    async def stream(
        self, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes as they come. A connection that breaks is made again and goes on where it was,
        unless the file is another one by then: ``ConnectionBroken``."""
        if length == 0:
            return
        end = None if length is None else offset + length
        etag, patience = None, JoinPatience(self._transport.config.timeout, runtime.now)
        while True:
            try:
                request = self._range(path, offset, end, etag)
                body = await self._transport.open(request)
                try:
                    if etag is not None and body.headers.get("ETag") != etag:
                        raise errors.BadAnswer(f"{path} was changed while it was read")
                    if offset > 0 and body.status != 206:
                        raise errors.BadAnswer(f"{path} was not answered from byte {offset} on")
                    etag = body.headers.get("ETag")
                    while piece := await body.chunk():
                        patience.heard(True)
                        offset += len(piece)
                        yield piece
                    return
                finally:
                    await body.aclose()
            except errors.RangeNotSatisfiable:
                return  # at its end
            except (errors.Unreachable, errors.NoAnswerInTime) as cut:
                pause = patience.pause(cut) if etag is not None else None
                if pause is None:
                    raise
            await runtime.sleep(pause)

    def _range(self, path: str, offset: int, end: int | None, etag: str | None) -> Request:
        request = get(self._path, {"path": path})
        if offset > 0 or end is not None:
            last = "" if end is None else str(end - 1)
            request.headers["Range"] = f"bytes={offset}-{last}"
        if etag is not None:
            request.headers["If-Range"] = etag
        return request

    async def download(self, path: str, local: str | Path) -> int:
        """Copies a file to this machine; its size. The local file is there only when whole."""
        target = Path(local)
        beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
        try:
            with open(beside, "xb") as file:
                async for piece in self.stream(path):
                    file.write(piece)
                size = file.tell()
            beside.replace(target)
            return size
        finally:
            beside.unlink(missing_ok=True)

    async def write(
        self,
        path: str,
        data: Uploadable,
        *,
        mode: str | int | None = None,
        only_new: bool = False,
        sync: bool = False,
    ) -> WrittenFile:
        """Writes a file, with the folders above it. Nobody sees half of it, and what was there
        stays if it breaks off. Large data that can be read again goes on where a connection broke.

        :param data: bytes, text, a ``Path`` of this machine, an open binary file, pieces of bytes
        :param mode: permission bits, ``0o755`` or ``"0755"``
        :param only_new: ``PreconditionFailed`` if there is a file already
        :param sync: put in place only when it is on the guest's disk
        """
        source = Source(data)
        params = given(path=path, mode=_octal(mode), sync=sync or None)
        headers = {"Content-Type": "application/octet-stream"}
        if only_new:
            headers["If-None-Match"] = "*"
        if source.size is None or source.size < RESUMABLE or only_new:
            repeatable = source.size is not None and not only_new
            return await self._put(params, headers, source, 0, repeatable)
        return await self._put_resumable(params, headers, source)

    async def _put(
        self,
        params: dict[str, Any],
        headers: dict[str, str],
        source: Source,
        offset: int,
        repeatable: bool,
    ) -> WrittenFile:
        request = Request("PUT", self._path + query(params), headers=headers, timeout=FOREVER)
        request.content = lambda: self._pieces(source, offset)
        request.repeatable = repeatable
        if source.size is not None:
            request.headers = {**headers, "Content-Length": str(source.size - offset)}
        return read(WrittenFile, await self._transport.call(request))

    async def _put_resumable(
        self, params: dict[str, Any], headers: dict[str, str], source: Source
    ) -> WrittenFile:
        upload = {**params, "upload_id": uuid.uuid4().hex}
        offset, patience = 0, JoinPatience(self._transport.config.timeout, runtime.now)
        while True:
            try:
                return await self._put({**upload, "offset": offset}, headers, source, offset, False)
            except errors.OffsetMismatch as other:
                kept = other.details.get("offset", other.details.get("size"))
                pause = None if not isinstance(kept, int) or kept == offset else 0.0
                error: errors.PodflareError = other
            except (errors.Unreachable, errors.NoAnswerInTime, errors.TransferCut) as cut:
                pause, error = patience.pause(cut), cut
            if pause is None:
                raise error
            await runtime.sleep(pause)
            kept = await self._kept(params["path"], upload["upload_id"])
            if kept > offset:
                patience.heard(True)
            offset = kept

    async def _kept(self, path: str, upload_id: str) -> int:
        request = get(f"{self._path}/stat", {"path": path, "upload_id": upload_id})
        try:
            return read(FileEntry, await self._transport.call(request)).size
        except errors.FileNotFound:
            return 0

    async def _pieces(self, source: Source, offset: int) -> AsyncGenerator[bytes, None]:
        for piece in source.pieces(offset):
            yield piece

    async def list(self, path: str = "/root", *, depth: int = 1) -> builtins.list[FileEntry]:
        """All entries of a folder, folders before what is in them; at most 100 levels."""
        return [entry async for entry in self.walk(path, depth=depth)]

    async def walk(
        self, path: str = "/root", *, depth: int = 100
    ) -> AsyncGenerator[FileEntry, None]:
        """As ``list``, page by page."""
        cursor: str | None = None
        while True:
            params = {"path": path, "depth": depth, "limit": 10_000, "cursor": cursor}
            page = await self._transport.call(get(f"{self._path}/list", params))
            for entry in read_all(FileEntry, page, "entries"):
                yield entry
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def stat(self, path: str) -> FileEntry:
        """Of a link: the link itself."""
        return read(
            FileEntry, await self._transport.call(get(f"{self._path}/stat", {"path": path}))
        )

    async def exists(self, path: str) -> bool:
        try:
            await self.stat(path)
        except (errors.FileNotFound, errors.NotADirectory):
            return False
        return True

    async def make_folder(
        self, path: str, *, mode: str | int | None = None, parents: bool = True
    ) -> FileEntry:
        """With ``parents`` also what is missing above, and a folder that is there is no error."""
        body = given(path=path, mode=_octal(mode), parents=parents)
        request = post(f"{self._path}/mkdir", body, repeatable=parents)
        return read(FileEntry, await self._transport.call(request))

    async def move(self, path: str, target: str, *, overwrite: bool = False) -> FileEntry:
        """``target`` is the new path itself, not a folder to move into."""
        body = {"from": path, "to": target, "overwrite": overwrite}
        return read(FileEntry, await self._transport.call(post(f"{self._path}/move", body)))

    async def remove(self, path: str, *, recursive: bool = False) -> None:
        """Deletes a file, a link or a folder; one that is not empty needs ``recursive``."""
        request = delete(self._path, {"path": path, "recursive": recursive})
        request.repeatable = False
        await self._transport.call(request)

    async def archive(self, path: str) -> AsyncGenerator[bytes, None]:
        """What is in a folder as a tar stream, not compressed."""
        body = await self._transport.open(get(f"{self._path}/archive", {"path": path}))
        try:
            while piece := await body.chunk():
                yield piece
        finally:
            await body.aclose()

    async def unpack(self, path: str, tar: Uploadable, *, keep_links: bool = False) -> Unpacked:
        """Unpacks a tar stream into a folder, which is made.

        :param keep_links: also make symbolic links that lead out of the folder, which are
            ``BadArchive`` otherwise
        """
        source = Source(tar)
        params = given(path=path, links="keep" if keep_links else None)
        request = Request("PUT", f"{self._path}/archive{query(params)}", timeout=FOREVER)
        request.headers = {"Content-Type": "application/x-tar"}
        request.content = lambda: self._pieces(source, 0)
        request.repeatable = source.size is not None
        return read(Unpacked, await self._transport.call(request))

    async def watch(
        self, path: str, *, recursive: bool = False
    ) -> AsyncGenerator[WatchedChange, None]:
        """Changes as they happen, until what is watched is ``gone``; the first, ``watching``, says
        that nothing is missed from here on. A connection that breaks is ``ConnectionBroken``: list
        anew and watch again."""
        request = get(f"{self._path}/watch", {"path": path, "recursive": recursive})
        body = await self._transport.open(request)
        objects = Objects()
        try:
            while chunk := await body.chunk():
                for data in objects.feed(chunk):
                    change = read(WatchedChange, data)
                    yield change
                    if change.type == "gone":
                        return
            raise errors.ConnectionBroken("the watch ended")
        finally:
            await body.aclose()


def _octal(mode: str | int | None) -> str | None:
    return f"{mode:04o}" if isinstance(mode, int) else mode
