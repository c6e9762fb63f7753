"""Contexts in other languages than Python: one process that runs call after call, with what stays between them.

The process reads the path of each call's code as a line on descriptor 200, and writes lines of JSON to 201: `value`
with the forms of a last expression, and `end` with the exit code. One that ends itself, or has to be killed, is started
anew with the next call.
"""

import json
import os
import struct
from collections import deque
from collections.abc import Callable

from .output import Call, Outlet, Sink
from .signals import exit_code, signal_group
from .spawn import Spawner
from .uploads import discard, write_code
from .values import Values

CODE_FD, ANSWER_FD = 200, 201
MAX_LINE = 8 << 20
# The code runs in this very shell. An interrupt ends what it runs, and then the code itself, but not the shell.
BASH = (
    "trap 'return 130 2>/dev/null' INT; "
    "while IFS= read -r -u 200 __podflare; do "
    '. "$__podflare"; printf \'{"end":%d}\\n\' "$?" >&201; done'
)


class ScriptCalls:
    """One context. `argv`: of its process."""

    def __init__(self, sink: Sink, spawner: Spawner, run_folder: str, argv: list[str]) -> None:
        self.pid = 0
        self._sink = sink
        self._spawner = spawner
        self._run_folder = run_folder
        self._argv = argv
        self._code = self._answers = -1
        self._listening = False
        self._inbox = b""
        self._outlets: tuple[Outlet, ...] = ()
        self._current: Call | None = None
        self._path = ""
        self._waiting: deque[tuple[Call, str]] = deque()
        self._values = Values(self._listen)
        self._wants_values: set[int] = set()

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
            if not self.pid:
                self._start()
            os.write(self._code, path.encode() + b"\n")
        except OSError as error:
            discard(path)
            call.send(b"E", f"podflare: the context does not start: {error}\n".encode())
            call.finish(126, "exited", None, self._next)
            return
        self._current, self._path = call, path
        call.outlets = self._outlets
        for outlet in self._outlets:
            outlet.call = call
        self._values.begin(call)
        self._sink.loop.gather()

    def _start(self) -> None:
        opened: list[int] = []

        def pipe() -> tuple[int, int]:
            ends = os.pipe2(os.O_CLOEXEC)
            opened.extend(ends)
            return ends

        try:
            code_read, code_write = pipe()
            answer_read, answer_write = pipe()
            out_read, out_write = pipe()
            err_read, err_write = pipe()
            null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
            opened.append(null)
            fds = {0: null, 1: out_write, 2: err_write, CODE_FD: code_read, ANSWER_FD: answer_write}
            environment, home = self._spawner.environment, self._spawner.home
            self.pid = self._spawner.spawn(self._argv, environment, home, fds)
        except OSError:
            for fd in opened:
                os.close(fd)
            raise
        for fd in (code_read, answer_write, out_write, err_write, null):
            os.close(fd)
        self._code, self._answers, self._inbox = code_write, answer_read, b""
        os.set_blocking(answer_read, False)
        self._listen(True)
        self._outlets = (
            Outlet(self._sink, out_read, b"O", lambda outlet: None),
            Outlet(self._sink, err_read, b"E", lambda outlet: None),
        )

    def _listen(self, wanted: bool) -> None:
        if self._answers < 0 or wanted == self._listening:
            return
        self._listening = wanted
        if wanted:
            self._sink.loop.watch(self._answers, self._on_answer)
            self._work_off()
        else:
            self._sink.loop.unwatch(self._answers)

    def _on_answer(self, _events: int) -> None:
        try:
            data = os.read(self._answers, 65536)
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
            end, value = answer.get("end"), answer.get("value")
        except (ValueError, AttributeError, RecursionError):
            return
        if call is None:
            return
        if isinstance(value, dict) and call.number in self._wants_values:
            body = json.dumps({"kind": "value", "data": value}).encode()
            self._values.take(struct.pack(">cI", b"V", len(body)) + body)
        elif isinstance(end, int):
            self._end(call, end & 0xFF, "exited", self._settled)

    def _end(self, call: Call, code: int, reason: str, settled: Callable[[], None]) -> None:
        self._sink.loop.stop_gathering()
        self._wants_values.discard(call.number)
        discard(self._path)
        call.finish(code, reason, None, settled)

    def _settled(self) -> None:
        for outlet in self._outlets:
            outlet.call = None
            outlet.resume()
        self._current = None
        self._next()

    def signal(self, call: Call, name: str) -> None:
        if call is self._current:
            if self.pid:
                signal_group(self.pid, call, name)
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
        self.pid = 0
        self._values.drop()
        self._listen(False)
        for fd in (self._code, self._answers):
            os.close(fd)
        self._code = self._answers = -1
        outlets, self._outlets = self._outlets, ()
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


def kill_group(pid: int) -> None:
    try:
        os.killpg(pid, 9)
    except ProcessLookupError:
        pass
