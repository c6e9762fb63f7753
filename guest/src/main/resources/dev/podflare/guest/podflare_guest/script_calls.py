"""Contexts in other languages than Python: one process that runs call after call, with what stays between them.

One that ends itself, or has to be killed, is started anew with the next call.
"""

import json
import os
import struct
from collections import deque
from collections.abc import Callable

from .output import Call, Outlet, Sink
from .script_process import ScriptProcess
from .signals import exit_code, kill_group, signal_group
from .uploads import discard, write_code
from .values import Values

MAX_LINE = 8 << 20


class ScriptCalls:
    """One context. `start`: makes its process; `first`: one that is there already."""

    def __init__(
        self,
        sink: Sink,
        run_folder: str,
        start: Callable[[], ScriptProcess],
        first: ScriptProcess | None,
    ) -> None:
        self._sink = sink
        self._run_folder = run_folder
        self._start = start
        self._process: ScriptProcess | None = None
        self._listening = False
        self._inbox = b""
        self._current: Call | None = None
        self._path = ""
        self._waiting: deque[tuple[Call, str]] = deque()
        self._values = Values(self._listen)
        self._wants_values: set[int] = set()
        if first is not None:
            self._take_on(first)

    @property
    def pid(self) -> int:
        return 0 if self._process is None else self._process.pid

    @property
    def busy(self) -> bool:
        return self._current is not None

    def submit(self, call: Call, request: dict[str, object], path: str | None) -> None:
        """OSError: no room for the code."""
        if path is None:
            code = str(request["code"]).encode("utf-8", "replace")
            path = write_code(self._run_folder, f"call-{call.number}", code)
        if request.get("result"):
            self._wants_values.add(call.number)
        self._waiting.append((call, path))
        self._next()

    def _next(self) -> None:
        if self._current is not None or not self._waiting:
            return
        call, path = self._waiting.popleft()
        try:
            process = self._process or self._take_on(self._start())
            process.run(path)
        except OSError as error:
            discard(path)
            call.send(b"E", f"podflare: the context does not start: {error}\n".encode())
            call.finish(126, "exited", None, self._next)
            return
        self._current, self._path = call, path
        call.outlets = process.outlets
        for outlet in process.outlets:
            outlet.call = call
        self._values.begin(call)
        self._sink.loop.gather()

    def _take_on(self, process: ScriptProcess) -> ScriptProcess:
        self._process, self._inbox = process, b""
        self._listen(True)
        return process

    def _listen(self, wanted: bool) -> None:
        if self._process is None or wanted == self._listening:
            return
        self._listening = wanted
        if wanted:
            self._sink.loop.watch(self._process.answers, self._on_answer)
            self._work_off()
        else:
            self._sink.loop.unwatch(self._process.answers)

    def _on_answer(self, _events: int) -> None:
        if self._process is None:
            return
        try:
            data = os.read(self._process.answers, 65536)
        except BlockingIOError:
            return
        if not data:
            self._listen(False)  # its end is told by the kernel
            return
        self._inbox += data
        self._work_off()
        if len(self._inbox) > MAX_LINE:
            self._inbox = b""

    def _work_off(self) -> None:
        """Not while a value waits for room: what comes behind it has to wait too."""
        while self._listening and b"\n" in self._inbox:
            line, self._inbox = self._inbox.split(b"\n", 1)
            self._take(line)

    def _take(self, line: bytes) -> None:
        """User code can write there too: what makes no sense is dropped."""
        call = self._current
        try:
            answer = json.loads(line)
            end, value, exception = (answer.get(name) for name in ("end", "value", "exception"))
            display = answer.get("display")
        except (ValueError, AttributeError, RecursionError):
            return
        if call is None:
            return
        if isinstance(value, dict):
            self._show(call, "value", value)
        elif isinstance(display, dict):
            self._show(call, "display", display)
        elif isinstance(exception, dict):
            self._show(call, "error", {"application/json": json.dumps(exception)})
        elif isinstance(end, int):
            self._end(call, end & 0xFF, "exited", self._settled)

    def _show(self, call: Call, kind: str, forms: dict[str, object]) -> None:
        if call.number in self._wants_values:
            body = json.dumps({"kind": kind, "data": forms}).encode()
            self._values.take(struct.pack(">cI", b"V", len(body)) + body)

    def _end(self, call: Call, code: int, reason: str, settled: Callable[[], None]) -> None:
        self._sink.loop.stop_gathering()
        self._wants_values.discard(call.number)
        discard(self._path)
        call.finish(code, reason, None, settled)

    def _settled(self) -> None:
        for outlet in self._process.outlets if self._process is not None else ():
            outlet.call = None
            outlet.resume()
        self._current = None
        self._next()

    def signal(self, call: Call, name: str) -> None:
        if call is self._current:
            if self._process is not None:
                signal_group(self._process.pid, call, name)
                if name == "INT":
                    self._process.interrupt()
            return
        for item in self._waiting:
            if item[0] is call:
                self._waiting.remove(item)
                discard(item[1])
                call.finish(130, "killed", "it had not started", lambda: None)
                return

    def interrupt(self) -> None:
        if self._current is not None:
            self.signal(self._current, "INT")

    def died(self, status: int) -> None:
        """What it had is gone; the next call finds a fresh one."""
        self._values.drop()
        self._listen(False)
        process, self._process = self._process, None
        outlets: tuple[Outlet, ...] = ()
        if process is not None:
            process.close()
            outlets = process.outlets
        call = self._current

        def settled() -> None:
            for outlet in outlets:
                outlet.drop()
            self._current = None
            self._next()

        if call is None:
            settled()
        elif call.ending:
            call.on_settled = settled
        else:
            reason = "crashed" if os.WIFSIGNALED(status) else "exited"
            self._end(call, exit_code(status), "killed" if call.killed else reason, settled)

    def close(self) -> None:
        """Ends the process and all that it started; calls end as killed."""
        for call, path in self._waiting:
            discard(path)
            call.finish(130, "killed", "its context was closed", lambda: None)
        self._waiting.clear()
        if self._current is not None:
            self._current.killed = True
        if self.pid:
            kill_group(self.pid)
