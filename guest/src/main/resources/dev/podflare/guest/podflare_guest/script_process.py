"""The process of a context in another language than Python.

It reads the path of each call's code as a line on descriptor 200, and writes lines of JSON to 201: `value` with the
forms of a last expression, `exception`, and `end` with the exit code. On 202 come the numbers of its calls that are to
be interrupted, for programs that may not hear a signal. One that was made ahead says `ready` once it is warm.
"""

import os
import struct

from .output import Outlet, Sink
from .spawn import Spawner

CODE_FD, ANSWER_FD, INTERRUPT_FD = 200, 201, 202
_NUMBER = struct.Struct("<I")


class ScriptProcess:
    """Starts it. OSError: it does not start."""

    def __init__(self, sink: Sink, spawner: Spawner, argv: list[str]) -> None:
        self.calls = 0
        opened: list[int] = []

        def pipe() -> tuple[int, int]:
            ends = os.pipe2(os.O_CLOEXEC)
            opened.extend(ends)
            return ends

        try:
            code_read, self._code = pipe()
            self.answers, answer_write = pipe()
            interrupt_read, self._interrupts = pipe()
            out_read, out_write = pipe()
            err_read, err_write = pipe()
            null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
            opened.append(null)
            fds = {0: null, 1: out_write, 2: err_write}
            fds |= {CODE_FD: code_read, ANSWER_FD: answer_write, INTERRUPT_FD: interrupt_read}
            self.pid = spawner.spawn(argv, spawner.environment, spawner.home, fds)
        except OSError:
            for fd in opened:
                os.close(fd)
            raise
        for fd in (code_read, answer_write, interrupt_read, out_write, err_write, null):
            os.close(fd)
        for fd in (self._code, self.answers, self._interrupts):
            os.set_blocking(fd, False)
        self.outlets = (
            Outlet(sink, out_read, b"O", lambda outlet: None),
            Outlet(sink, err_read, b"E", lambda outlet: None),
        )

    def run(self, path: str) -> None:
        """OSError: it reads no more."""
        os.write(self._code, path.encode() + b"\n")
        self.calls += 1

    def adapt(self, line: str) -> None:
        """What it becomes another's by. OSError: it reads no more."""
        data = line.encode("utf-8", "surrogateescape") + b"\n"
        if os.write(self._code, data) < len(data):
            raise OSError("more than it takes at once")

    def interrupt(self) -> None:
        """Besides the signal."""
        try:
            os.write(self._interrupts, _NUMBER.pack(self.calls))
        except OSError:
            pass  # nobody reads there

    def close(self) -> None:
        """Its descriptors, once it is dead; its outlets are the caller's."""
        for fd in (self._code, self.answers, self._interrupts):
            os.close(fd)
