"""Terminals of a sandbox, over HTTP and over WebSocket."""

from __future__ import annotations

import base64
import builtins
import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from podflare import errors
from podflare._async import runtime
from podflare._async.transport import AsyncBody, AsyncTransport
from podflare._config import is_loopback
from podflare._folds import Objects
from podflare._patience import JoinPatience
from podflare._records import read, read_all
from podflare._requests import Request, get, given, post, segment
from podflare.types import PtySessionInfo, TerminalRead

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection as AsyncSocket

PIECE = 32 * 1024
GONE = 4410


class AsyncTerminalConnection:
    """A terminal that one looks at over a WebSocket; leaving it leaves the terminal as it is.

    Iterating gives what is kept of its output, then what comes, until the program ends;
    ``exit_code`` is there then. One reader; ``send`` and ``resize`` may come from elsewhere.
    """

    def __init__(self, socket: AsyncSocket) -> None:
        self._socket = socket
        self.exit_code: int | None = None
        self.skipped = 0
        """Bytes of output that this reader was too slow for."""

    async def send(self, data: bytes | str) -> None:
        """Types."""
        raw = data.encode() if isinstance(data, str) else data
        for at in range(0, len(raw), PIECE):
            await self._write(raw[at : at + PIECE])

    async def resize(self, cols: int, rows: int) -> None:
        await self._write(json.dumps({"resize": {"cols": cols, "rows": rows}}))

    async def _write(self, message: bytes | str) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(message)
        except ConnectionClosed as closed:
            raise errors.ConnectionBroken(f"the terminal is not connected: {closed}") from closed

    async def output(self) -> AsyncGenerator[bytes, None]:
        from websockets.exceptions import ConnectionClosed

        while True:
            try:
                message = await self._socket.recv()
            except ConnectionClosed as closed:
                if self.exit_code is not None:
                    return
                reason = closed.rcvd.reason if closed.rcvd is not None else str(closed)
                raise errors.ConnectionBroken(
                    f"the terminal's connection ended: {reason}"
                ) from closed
            if isinstance(message, bytes):
                yield message
            else:
                self._told(json.loads(message))

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return self.output()

    def _told(self, said: dict[str, Any]) -> None:
        if "exit_code" in said:
            self.exit_code = said["exit_code"]
        if "skipped" in said:
            self.skipped += said["skipped"]
        if "code" in said:
            raise errors.StreamFailed(said.get("error", said["code"]), said["code"])

    async def aclose(self) -> None:
        await self._socket.close()

    async def __aenter__(self) -> AsyncTerminalConnection:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.aclose()


class AsyncTerminal:
    """A handle on one terminal, which runs on without it."""

    def __init__(self, transport: AsyncTransport, path: str, pty_id: str) -> None:
        self._transport = transport
        self._path = f"{path}/pty/{segment(pty_id)}"
        self._id = pty_id

    @property
    def id(self) -> str:
        return self._id

    async def connect(self) -> AsyncTerminalConnection:
        """Looks at it and types, over one connection."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidStatus, WebSocketException

        config = self._transport.config
        address = "ws" + config.host.removeprefix("http") + self._path + "/ws"
        try:
            socket = await connect(
                address,
                additional_headers=config.headers(),
                open_timeout=config.timeout,
                max_size=None,
                compression=None,
                proxy=None if is_loopback(config.host) else True,
            )
        except InvalidStatus as refused:
            raise _refused(address, refused) from refused
        except TimeoutError as silent:
            raise errors.NoAnswerInTime(f"{config.host} opens no WebSocket") from silent
        except (OSError, WebSocketException) as broken:
            raise errors.NotConnected(f"no WebSocket to {config.host}: {broken}") from broken
        return AsyncTerminalConnection(socket)

    async def input(self, data: bytes | str) -> None:
        """Types; at most 1 MiB. ``PtyClosed`` if the program has ended."""
        raw = data.encode() if isinstance(data, str) else data
        body = {"data_b64": base64.b64encode(raw).decode()}
        await self._transport.call(post(f"{self._path}/input", body))

    async def resize(self, cols: int, rows: int) -> None:
        body = {"cols": cols, "rows": rows}
        await self._transport.call(post(f"{self._path}/resize", body, repeatable=True))

    async def kill(self) -> None:
        """Kills all that runs in it."""
        await self._transport.call(post(f"{self._path}/kill", {}, repeatable=True))

    async def read(
        self, since_seq: int = 0, max_bytes: int = 65536, timeout_ms: int = 10_000
    ) -> TerminalRead:
        """Output from a byte on, without a connection that stays; waits for some if there is none
        yet, 30,000 ms at most."""
        body = {"since_seq": since_seq, "max_bytes": max_bytes, "timeout_ms": timeout_ms}
        request = post(f"{self._path}/read", body, repeatable=True)
        return read(TerminalRead, await self._transport.call(request))

    async def output(self) -> AsyncGenerator[bytes, None]:
        """What is kept of its output, then what comes, until the program ends. A connection that
        breaks is made again, and goes on after the last byte."""
        async for line in self.lines():
            if line["type"] == "pty_data":
                yield base64.b64decode(line["data_b64"])

    async def wait(self) -> int:
        """Waits for the program's end; its exit code."""
        async for line in self.lines():
            if line["type"] == "pty_exit":
                return int(line["data"])
        raise errors.BadAnswer("the terminal's stream ended without an exit code")

    async def lines(self, first: AsyncBody | None = None) -> AsyncGenerator[dict[str, Any], None]:
        """Lines of the API, each byte of output once; the last is ``pty_exit``."""
        patience = JoinPatience(self._transport.config.timeout, runtime.now)
        position, body = 0, first
        try:
            while True:
                try:
                    if body is None:
                        body = await self._transport.open(get(f"{self._path}/attach"))
                    objects = Objects()
                    while chunk := await body.chunk():
                        patience.heard(False)
                        for line in objects.feed(chunk):
                            kept, position = _unseen(line, position)
                            if kept is not None:
                                patience.heard(True)
                                yield kept
                            if line.get("type") == "pty_exit":
                                return
                    raise errors.ConnectionBroken("the terminal's stream ended")
                except (errors.Unreachable, errors.NoAnswerInTime) as cut:
                    pause = patience.pause(cut)
                    if pause is None:
                        raise
                if body is not None:
                    await body.aclose()
                    body = None
                await runtime.sleep(pause)
        finally:
            if body is not None:
                await body.aclose()


class AsyncTerminals:
    """The terminals of one sandbox."""

    def __init__(self, transport: AsyncTransport, path: str) -> None:
        self._transport = transport
        self._path = path

    async def open(
        self,
        cmd: str | builtins.list[str] | None = None,
        *,
        cols: int = 80,
        rows: int = 24,
        env: dict[str, str] | None = None,
        cwd: str | None = None,
    ) -> AsyncTerminal:
        """Starts a program on a terminal of its own, which runs on whether or not anybody looks.

        :param cmd: a command line for ``bash -lc``, or a program and its arguments; else a shell
        """
        body = given(cols=cols, rows=rows, env=env, cwd=cwd, attach=False)
        if cmd is not None:
            body["shellCmd" if isinstance(cmd, str) else "argv"] = cmd
        answer = await self._transport.call(post(f"{self._path}/pty", body))
        return self.get(read(PtySessionInfo, answer).pty_id)

    def get(self, pty_id: str) -> AsyncTerminal:
        """A handle on a terminal; asks nothing of the server."""
        return AsyncTerminal(self._transport, self._path, pty_id)

    async def list(self) -> builtins.list[PtySessionInfo]:
        """Oldest first, with the last 16 that have ended."""
        return read_all(PtySessionInfo, await self._transport.call(get(f"{self._path}/pty")))


def _unseen(line: dict[str, Any], position: int) -> tuple[dict[str, Any] | None, int]:
    """What of a line was not seen yet, and the number of the byte after it."""
    if line.get("type") == "pty_error":
        raise errors.StreamFailed(str(line.get("message")), "pty_closed")
    if line.get("type") != "pty_data":
        return line, position
    data = base64.b64decode(line["data_b64"])
    first = line.get("seq", position)
    end = first + len(data)
    if end <= position:
        return None, position
    fresh = data[max(0, position - first) :]
    return {**line, "data_b64": base64.b64encode(fresh).decode()}, end


def _refused(address: str, refused: Any) -> errors.PodflareError:
    import httpx

    from podflare._patience import refusal

    answer = refused.response
    request = httpx.Request("GET", address)
    response = httpx.Response(
        answer.status_code, headers=list(answer.headers.raw_items()), request=request
    )
    return refusal(response, answer.body or b"")


def opening(path: str, body: dict[str, Any]) -> Request:
    """Opens a terminal and follows it at once."""
    return Request("POST", f"{path}/pty", json=body)
