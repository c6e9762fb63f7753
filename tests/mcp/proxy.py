"""A proxy before the server: it adds a key, and cuts answers off where a test wants it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit


class CutOnce:
    """Cuts the first answer off that has some bytes."""

    def __init__(self, after: bytes) -> None:
        self._after = after
        self.done = False

    def __call__(self, head: bytes, answer: bytes) -> bool:
        due = not self.done and self._after in answer
        self.done |= due
        return due


class Proxy:
    """One request a connection. ``cut`` hears of each request's head and what came of its answer
    so far, and says whether to cut it off there."""

    def __init__(self, server: str, key: str) -> None:
        parts = urlsplit(server)
        self._to = (parts.hostname or "", parts.port or 80)
        self._key = key
        self.cut: Callable[[bytes, bytes], bool] = lambda head, answer: False
        self.heads: list[bytes] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        server_of = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        )
        self._server = server_of.result(10)
        self.host = f"http://localhost:{self._server.sockets[0].getsockname()[1]}"

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, caller: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._exchange(caller, back)
        back.close()

    async def _exchange(self, caller: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        head = await caller.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        lines = [
            line
            for line in head[:-4].split(b"\r\n")
            if not line.lower().startswith((b"connection:", b"authorization:"))
        ]
        length = 0
        for line in lines:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = await caller.readexactly(length)
        lines += [b"Connection: close", b"Authorization: Bearer " + self._key.encode()]
        answer, server = await asyncio.open_connection(*self._to)
        try:
            server.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            came = b""
            while piece := await answer.read(65536):
                came += piece
                back.write(piece)
                await back.drain()
                if self.cut(head, came):
                    back.transport.abort()
                    return
        finally:
            server.close()
