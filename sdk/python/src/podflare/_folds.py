"""What turns the bytes of a stream into lines, events and results. Nothing here waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from podflare import errors
from podflare._records import read
from podflare.types import CodeException, Event, ExecResult, LifecycleEvent, Result, Winner

MAX_LINE_BYTES = 64 << 20
MAX_RESULTS = 1000


class Lines:
    """Cuts bytes into lines at newlines alone, without them."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        lines = data.split(b"\n")
        if len(lines) > 1:
            lines[0] = b"".join((*self._rest, lines[0]))
            self._rest, self._size = [], 0
        rest = lines.pop()
        if rest:
            self._rest.append(rest)
            self._size += len(rest)
        if self._size > MAX_LINE_BYTES:
            raise errors.BadAnswer(f"a line of more than {MAX_LINE_BYTES} bytes")
        return lines


class Objects:
    """Reads NDJSON: one object a line, empty lines between them."""

    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        for line in self._lines.feed(data):
            if line and not line.isspace():
                yield parse_object(line)


def parse_object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as wrong:
        raise errors.BadAnswer(f"not JSON: {line[:200]!r}") from wrong
    if not isinstance(value, dict):
        raise errors.BadAnswer(f"not an object: {line[:200]!r}")
    return value


def parse_event(data: dict[str, Any]) -> Event:
    try:
        event = Event.from_json(data)
    except (KeyError, ValueError, TypeError) as wrong:
        raise errors.BadAnswer(f"not an event: {str(data)[:200]}") from wrong
    if not isinstance(event.seq, int) or (event.type == "exit" and not isinstance(event.data, int)):
        raise errors.BadAnswer(f"not an event: {str(data)[:200]}")
    return event


class Sequence:
    """Lets each event of an execution through once, however often its stream was joined."""

    def __init__(self, first: int = 0) -> None:
        self.next = first
        self.missed = 0
        """Events that the server did not keep while the connection was away."""
        self.ended = False

    def take(self, event: Event) -> bool:
        if event.seq < self.next:
            return False
        self.missed += event.seq - self.next
        self.next = event.seq + 1
        self.ended = event.type == "exit"
        return True


class Log:
    """Lets each event of a process's log through once, however often it was joined."""

    def __init__(self, first: int = 0) -> None:
        self.next = first
        self.ended = False

    def take(self, event: Event) -> bool:
        if event.seq < self.next:
            return False
        skipped = event.type == "skipped" and isinstance(event.data, int)
        self.next = event.seq + (max(1, event.data) if skipped else 1)
        self.ended = event.type == "exit"
        return True


class ExecutionFold:
    """Gathers the result of one execution from its events."""

    def __init__(self, max_output_bytes: int, exec_id: str = "") -> None:
        self._room = max_output_bytes
        self._texts = {"stdout": bytearray(), "stderr": bytearray()}
        self._results: list[Result] = []
        self._exception: CodeException | None = None
        self._truncated = False
        self.exec_id = exec_id
        self.result: ExecResult | None = None

    def take(self, event: Event) -> None:
        if event.type in self._texts:
            raw = event.raw if event.raw is not None else str(event.data).encode("utf-8", "replace")
            self._keep(self._texts[event.type], raw)
        elif event.type == "started":
            self.exec_id = str(event.data)
        elif event.type == "result":
            self._show(event)
        elif event.type == "exception":
            self._exception = read(CodeException, event.data)
        elif event.type == "exit":
            self.result = self._exit(event)

    def finished(self) -> ExecResult:
        if self.result is None:
            raise errors.BadAnswer("the events ended without an exit")
        return self.result

    def missed(self, events: int) -> None:
        if events > 0 and self.result is not None:
            self.result = replace(self.result, truncated=True)

    def _keep(self, kept: bytearray, raw: bytes) -> None:
        room = self._room - len(kept)
        kept += raw[:room] if len(raw) > room else raw
        self._truncated |= len(raw) > room

    def _show(self, event: Event) -> None:
        """Does with displays what a notebook does."""
        shown = Result(event.data, event.kind or "value", event.display_id)
        if shown.kind == "clear":
            self._results = [one for one in self._results if one.kind == "value"]
        elif shown.kind == "update":
            self._results = [
                Result(shown.data, one.kind, one.display_id)
                if one.display_id is not None and one.display_id == shown.display_id
                else one
                for one in self._results
            ]
        elif len(self._results) < MAX_RESULTS:
            self._results.append(shown)
        else:
            self._truncated = True

    def _exit(self, event: Event) -> ExecResult:
        out, err = (bytes(self._texts[name]) for name in ("stdout", "stderr"))
        return ExecResult(
            stdout=as_text(out),
            stderr=as_text(err),
            exit_code=event.data,
            reason=event.reason or "exited",
            exec_id=self.exec_id,
            results=self._results,
            exception=self._exception,
            truncated=self._truncated,
            stdout_bytes=out,
            stderr_bytes=err,
        )


def as_text(data: bytes) -> str:
    """Output as lines that are joined, which is how ``stdout`` is promised."""
    return data.decode("utf-8", "replace").removesuffix("\n")


class Sse:
    """Reads server-sent events: yields the id, and the event unless it only moves the position."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._id: int | None = None
        self._data: list[str] = []

    def feed(self, data: bytes) -> Iterator[tuple[int, LifecycleEvent | None]]:
        for raw in self._lines.feed(data):
            line = raw.decode("utf-8", "replace").removesuffix("\r")
            if line:
                self._field(line)
            elif (frame := self._dispatch()) is not None:
                yield frame

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and value.isascii() and value.isdigit():
            self._id = int(value)
        elif name == "data":
            self._data.append(value)

    def _dispatch(self) -> tuple[int, LifecycleEvent | None] | None:
        number, data = self._id, "\n".join(self._data)
        self._id, self._data = None, []
        if number is None:
            return None
        if not data:
            return number, None
        return number, read(LifecycleEvent, {**parse_object(data.encode()), "id": number})


class FanOutFold:
    """Gathers what the children of a fan-out said."""

    def __init__(
        self, max_output_bytes: int, on_event: Callable[[int, Event], object] | None
    ) -> None:
        self._max_output_bytes = max_output_bytes
        self._on_event = on_event
        self._folds: list[ExecutionFold] = []
        self.children: list[str] = []
        self.winner: Winner | None = None

    @property
    def results(self) -> list[ExecResult | None]:
        return [fold.result for fold in self._folds]

    def take(self, line: dict[str, Any]) -> bool:
        """Whether this was the end."""
        kind = line.get("type")
        if kind == "forked":
            self._folds = [ExecutionFold(self._max_output_bytes) for _ in line["children"]]
        elif kind == "error":
            raise errors.StreamFailed(str(line.get("error")), str(line.get("code")))
        elif kind == "done":
            self.children = list(line["children"])
            winner = line.get("winner")
            self.winner = None if winner is None else read(Winner, winner)
            return True
        elif isinstance(line.get("index"), int):
            self._event(line)
        return False

    def _event(self, line: dict[str, Any]) -> None:
        index = line["index"]
        if not 0 <= index < len(self._folds):
            raise errors.BadAnswer(f"an event of a child that there is not: {index}")
        event = parse_event(line)
        self._folds[index].take(event)
        if self._on_event is not None:
            self._on_event(index, event)
