"""Calls that are a process each, and their input."""

import os
import select
from collections import deque

from .output import Call, Sink
from .signals import exit_code
from .system import LimitWatch


class Input:
    """A call's input: what the program does not take yet. `report_at`: bytes taken that are worth a frame."""

    def __init__(self, sink: Sink, fd: int, call: Call, report_at: int = 1) -> None:
        self._sink = sink
        self._fd = fd
        self._call = call
        self._queue: deque[memoryview] = deque()
        self._report_at = report_at
        self._taken = 0
        self._unreported = 0
        self._ended = False
        self._watched = False
        os.set_blocking(fd, False)

    def add(self, data: bytes) -> None:
        self._queue.append(memoryview(data))
        self._push(0)

    def end(self) -> None:
        self._ended = True
        self._push(0)

    def take_on(self) -> None:
        """What waits here was sent by another host than the one that would be told."""
        self._unreported = sum(len(piece) for piece in self._queue)
        self._taken = 0

    def close(self) -> None:
        if self._fd >= 0:
            if self._watched:
                self._sink.loop.unwatch(self._fd)
                self._watched = False
            os.close(self._fd)
            self._fd = -1

    def _push(self, _events: int) -> None:
        taken = 0
        while self._queue:
            head = self._queue[0]
            try:
                written = os.write(self._fd, head) if self._fd >= 0 else len(head)
            except BlockingIOError:
                break
            except OSError:
                # Nobody reads any more: the rest is swallowed.
                self.close()
                continue
            taken += written
            if written == len(head):
                self._queue.popleft()
            else:
                self._queue[0] = head[written:]
        silent = min(taken, self._unreported)
        self._unreported -= silent
        self._taken += taken - silent
        if self._taken >= self._report_at:
            self._call.send(b"I", self._taken.to_bytes(4, "big"))
            self._taken = 0
        if not self._queue and self._ended:
            self.close()
        if self._fd >= 0 and bool(self._queue) != self._watched:
            self._watched = not self._watched
            if self._watched:
                self._sink.loop.watch(self._fd, self._push, select.EPOLLOUT)
            else:
                self._sink.loop.unwatch(self._fd)


class ProcessCall(Call):
    """`pid`: 0 before it starts and after its end."""

    def __init__(self, number: int, window: int, sink: Sink) -> None:
        super().__init__(number, window, sink)
        self.pid = 0
        self.input: Input | None = None

    def take_on(self, window: int) -> None:
        if self.input is not None:
            self.input.take_on()
        super().take_on(window)

    def ended(self, status: int, oom: LimitWatch) -> tuple[int, str]:
        """Exit code and reason, once the process has ended as `status` says."""
        self.pid = 0
        if self.input is not None:
            self.input.close()
        code = exit_code(status)
        if code == 137 and not self.killed and oom.rose():
            return code, "out_of_memory"
        return code, "killed" if os.WIFSIGNALED(status) else "exited"
