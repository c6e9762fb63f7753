"""Runs code in one sandbox and follows its events."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncGenerator, Callable
from typing import Any

from podflare import errors
from podflare._async import runtime
from podflare._async.transport import AsyncBody, AsyncTransport
from podflare._folds import ExecutionFold, Objects, Sequence, parse_event
from podflare._patience import JoinPatience
from podflare._records import read, read_all
from podflare._requests import Request, get, given, post, segment
from podflare.types import Event, ExecResult, ExecutionInfo

CANCEL_SECONDS = 5.0


class AsyncExecStream:
    """Events of one execution, each once. A connection that breaks is made again and goes on after
    the last event; what the server did not keep meanwhile counts as missed."""

    def __init__(
        self,
        transport: AsyncTransport,
        path: str,
        exec_id: str,
        body: AsyncBody | None,
        first: int = 0,
    ) -> None:
        self.exec_id = exec_id
        self.sequence = Sequence(first)
        self._transport = transport
        self._path = path
        self._body = body

    async def events(self) -> AsyncGenerator[Event, None]:
        patience = JoinPatience(self._transport.config.timeout, runtime.now)
        try:
            while True:
                try:
                    body = await self._connected()
                    objects = Objects()
                    while chunk := await body.chunk():
                        patience.heard(False)
                        for data in objects.feed(chunk):
                            event = parse_event(data)
                            if self.sequence.take(event):
                                patience.heard(True)
                                if self.sequence.ended:
                                    await body.drain()
                                yield event
                            if self.sequence.ended:
                                return
                    raise errors.ConnectionBroken("the stream ended before the execution")
                except (errors.Unreachable, errors.NoAnswerInTime, errors.ApiError) as cut:
                    pause = patience.pause(cut)
                    if pause is None or not self.exec_id:
                        raise
                await self.aclose()
                await runtime.sleep(pause)
        finally:
            await self.aclose()

    async def _connected(self) -> AsyncBody:
        if self._body is None:
            path = f"{self._path}/execs/{segment(self.exec_id)}/stream"
            request = get(path, {"from_seq": self.sequence.next})
            request.repeatable = False  # by our own patience
            self._body = await self._transport.open(request)
        return self._body

    async def aclose(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            await body.aclose()


class AsyncExecs:
    """The executions of one sandbox."""

    def __init__(self, transport: AsyncTransport, path: str) -> None:
        self._transport = transport
        self._path = path

    async def open(self, body: dict[str, Any]) -> AsyncExecStream:
        """Begins an execution."""
        request = Request("POST", f"{self._path}/exec", json=body)
        answer = await self._transport.open(request)
        exec_id = answer.headers.get("X-Exec-Id", "")
        return AsyncExecStream(self._transport, self._path, exec_id, answer)

    async def run(
        self, body: dict[str, Any], on_event: Callable[[Event], object] | None
    ) -> ExecResult:
        return await self._finish(await self.open(body), on_event)

    async def join(
        self, exec_id: str, from_seq: int, on_event: Callable[[Event], object] | None
    ) -> ExecResult:
        stream = AsyncExecStream(self._transport, self._path, exec_id, None, from_seq)
        return await self._finish(stream, on_event, cancel=False)

    async def join_stream(self, exec_id: str, from_seq: int) -> AsyncGenerator[Event, None]:
        stream = AsyncExecStream(self._transport, self._path, exec_id, None, from_seq)
        async for event in stream.events():
            yield event

    async def stream(self, body: dict[str, Any]) -> AsyncGenerator[Event, None]:
        stream = await self.open(body)
        async for event in stream.events():
            yield event

    async def _finish(
        self,
        stream: AsyncExecStream,
        on_event: Callable[[Event], object] | None,
        cancel: bool = True,
    ) -> ExecResult:
        fold = ExecutionFold(self._transport.config.max_output_bytes, stream.exec_id)
        try:
            async for event in stream.events():
                fold.take(event)
                if on_event is not None:
                    on_event(event)
        except BaseException as stopped:
            await stream.aclose()
            if cancel and not isinstance(stopped, Exception):
                await runtime.in_any_case(
                    lambda: self.cancel(stream.exec_id, CANCEL_SECONDS), CANCEL_SECONDS
                )
            raise
        fold.missed(stream.sequence.missed)
        return fold.finished()

    async def start(self, body: dict[str, Any]) -> str:
        request = post(f"{self._path}/exec", {**body, "background": True})
        answer = await self._transport.call(request)
        if not isinstance(answer, dict) or not isinstance(answer.get("exec_id"), str):
            raise errors.BadAnswer(f"no exec_id in the answer: {str(answer)[:200]}")
        return str(answer["exec_id"])

    async def all(self) -> list[ExecutionInfo]:
        return read_all(
            ExecutionInfo, await self._transport.call(get(f"{self._path}/execs")), "execs"
        )

    async def info(self, exec_id: str) -> ExecutionInfo:
        return read(ExecutionInfo, await self._transport.call(get(self._one(exec_id))))

    async def cancel(self, exec_id: str, timeout: float | None = None) -> None:
        request = post(f"{self._one(exec_id)}/cancel", {}, repeatable=True)
        request.timeout = timeout
        await self._transport.call(request)

    async def write_stdin(self, exec_id: str, data: str | bytes, eof: bool) -> None:
        raw = data.encode() if isinstance(data, str) else data
        body = given(data_b64=b64encode(raw).decode() if raw else None, eof=eof or None)
        await self._transport.call(post(f"{self._one(exec_id)}/stdin", body))

    async def replay(self) -> list[Event]:
        body = await self._transport.open(get(f"{self._path}/replay"))
        objects, events = Objects(), []
        try:
            while chunk := await body.chunk():
                events += [parse_event(data) for data in objects.feed(chunk)]
        finally:
            await body.aclose()
        return events

    def _one(self, exec_id: str) -> str:
        return f"{self._path}/execs/{segment(exec_id)}"
