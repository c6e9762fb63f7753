"""The files worker: does what the host asks for with the guest's files. A process beside the agent.

One thread takes packets (frames, as channel.py has them) from the agent; each operation runs on a thread of its own, so
one that hangs holds up no other. Paths and names are bytes, and in JSON text of the characters U+0000 to U+00FF.

To the worker: f begins an operation (JSON), g its input, j the end of its input, k cancels it (number 0: all of them),
w grants output. From it: F the head of an answer (JSON), G output, j a hole in the output (u64 bytes of zeros), J input
that was taken (u32), K the end (JSON; with "error" if it failed). What goes out costs its length, but COST at least.
"""

import errno
import json
import os
import sys
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable
from threading import Condition, Lock

from .channel import HEADER

READ_SIZE = 131072
# With its head four writes to a virtio port: longer ones would let a call wait.
CHUNK = READ_SIZE - 9
COST = 1024
MAX_OPERATIONS = 64
REPORT = 256 << 10
MAX_INPUT = 4 << 20
HOME = "/root"

ERRORS = {
    errno.ENOENT: "file_not_found",
    errno.ENOTDIR: "not_a_directory",
    errno.EISDIR: "is_a_directory",
    errno.EEXIST: "file_exists",
    errno.ENOTEMPTY: "directory_not_empty",
    errno.ENAMETOOLONG: "file_name_too_long",
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EACCES: "file_not_permitted",
    errno.EPERM: "file_not_permitted",
    errno.EROFS: "file_not_permitted",
    errno.ENXIO: "not_a_file",
}


class Failed(Exception):
    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class Cancelled(Exception):
    """Nobody wants to hear of the operation any more."""


class Operation:
    """`take` and what sends are for the operation's thread; the rest for the worker's."""

    def __init__(self, worker: "Worker", number: int, request: dict[str, object]) -> None:
        self.request = request
        self._on_cancel: Callable[[], None] | None = None
        self._worker = worker
        self._number = number
        self._changed = Condition(Lock())
        self._credit = int(str(request.get("window", 0)))
        self._input: deque[bytes] = deque()
        self._waiting = 0
        self._untold = 0
        self._input_ended = False
        self.over = False

    def path(self, name: str = "path") -> bytes:
        raw = str(self.request[name]).encode("latin-1")
        return raw if raw.startswith(b"/") else os.fsencode(HOME) + b"/" + raw

    def number(self, name: str, default: int) -> int:
        value = self.request.get(name)
        return default if value is None else int(str(value))

    def head(self, answer: dict[str, object]) -> None:
        self._send(b"F", json.dumps(answer).encode())

    def put(self, data: bytes) -> None:
        """Output, at most CHUNK bytes."""
        self._pay(len(data))
        self._send(b"G", data)

    def hole(self, count: int) -> None:
        self._pay(CHUNK)
        self._send(b"j", count.to_bytes(8, "big"))

    def take(self) -> bytes:
        """The next piece of input; empty at its end."""
        with self._changed:
            while not self._input and not self._input_ended and not self.over:
                self._tell()
                self._changed.wait()
            if self.over:
                raise Cancelled
            if not self._input:
                return b""
            data = self._input.popleft()
            self._waiting -= len(data)
        self._untold += len(data)
        if self._untold >= REPORT:
            self._tell()
        return data

    def _tell(self) -> None:
        if self._untold:
            count, self._untold = self._untold, 0
            self._send(b"J", count.to_bytes(4, "big"))

    def _pay(self, count: int) -> None:
        cost = max(count, COST)
        if self._credit < cost:
            with self._changed:
                while self._credit < cost and not self.over:
                    self._changed.wait()
        with self._changed:
            self._credit -= cost

    def _send(self, kind: bytes, payload: bytes) -> None:
        self._worker.send(self, self._number, kind, payload)

    def end(self, answer: dict[str, object]) -> None:
        self._worker.end(self, self._number, json.dumps(answer).encode())

    def add(self, data: bytes) -> None:
        with self._changed:
            self._waiting += len(data)
            if not self.over and self._waiting <= MAX_INPUT:
                self._input.append(data)
            self._changed.notify()

    def add_end(self) -> None:
        with self._changed:
            self._input_ended = True
            self._changed.notify()

    def grant(self, count: int) -> None:
        with self._changed:
            self._credit += count
            self._changed.notify()

    def cancel(self) -> None:
        """After its end was told."""
        with self._changed:
            self._input.clear()
            self._changed.notify()
            if self._on_cancel is not None:
                self._on_cancel()

    def on_cancel(self, action: Callable[[], None] | None) -> None:
        with self._changed:
            self._on_cancel = action


Action = Callable[[Operation], dict[str, object]]


class Worker:
    def __init__(self, fd: int, actions: dict[str, Action]) -> None:
        self._fd = fd
        self._actions = actions
        self._lock = Lock()
        self._operations: dict[int, Operation] = {}
        self._threads = 0

    def run(self) -> None:
        while packet := os.read(self._fd, READ_SIZE):
            _, kind, number = HEADER.unpack_from(packet)
            if kind == b"f":
                self._begin(number, packet[9:])
                continue
            if kind == b"k":
                self._cancel(number)
                continue
            operation = self._operations.get(number)
            if operation is None:
                continue
            if kind == b"g":
                operation.add(packet[9:])
            elif kind == b"j":
                operation.add_end()
            elif kind == b"w":
                operation.grant(int.from_bytes(packet[9:13], "big"))

    def _begin(self, number: int, payload: bytes) -> None:
        operation = Operation(self, number, json.loads(payload))
        with self._lock:
            self._operations[number] = operation
            crowded = self._threads >= MAX_OPERATIONS
            self._threads += not crowded
        if crowded:
            operation.end(
                {"error": "too_many_file_calls", "message": "too many operations hang in the guest"}
            )
            return
        try:
            start_new_thread(self._perform, (operation,))
        except RuntimeError:  # the machine has no room for a thread
            with self._lock:
                self._threads -= 1
            operation.end({"error": "file_failed", "message": "the guest has no room for a thread"})

    def _perform(self, operation: Operation) -> None:
        try:
            action = self._actions[str(operation.request["op"])]
            operation.end(action(operation))
        except Cancelled:
            pass
        except Failed as failure:
            operation.end({"error": failure.code, "message": str(failure), **failure.details})
        except OSError as failure:
            code = ERRORS.get(failure.errno or 0, "file_failed")
            operation.end({"error": code, "message": failure.strerror or str(failure)})
        except Exception as failure:  # an operation that does not end would hold its place
            text = f"{type(failure).__name__}: {failure}"[:500]
            operation.end({"error": "file_failed", "message": text})
        finally:
            with self._lock:
                self._threads -= 1

    def send(self, operation: Operation, number: int, kind: bytes, payload: bytes) -> None:
        with self._lock:
            if operation.over:
                raise Cancelled
            os.write(self._fd, HEADER.pack(len(payload) + 5, kind, number) + payload)

    def end(self, operation: Operation, number: int, payload: bytes) -> None:
        with self._lock:
            if not operation.over:
                operation.over = True
                del self._operations[number]
                os.write(self._fd, HEADER.pack(len(payload) + 5, b"K", number) + payload)

    def _cancel(self, number: int) -> None:
        """Its end is told at once, and nothing after it; its thread cleans up when it comes to it."""
        with self._lock:
            if number:
                one = self._operations.pop(number, None)
                operations = [] if one is None else [one]
            else:
                operations = list(self._operations.values())
                self._operations.clear()
            for operation in operations:
                operation.over = True
            if number == 0:
                os.write(self._fd, HEADER.pack(5, b"k", 0))
            elif operations:
                payload = b'{"error":"transfer_cut","message":"cancelled"}'
                os.write(self._fd, HEADER.pack(len(payload) + 5, b"K", number) + payload)
        for operation in operations:
            operation.cancel()


def main(fd: int) -> None:
    from threading import stack_size

    from . import file_actions, file_tree, file_watch

    stack_size(256 << 10)
    try:
        # User processes may be ended for want of memory, this one is needed to look after their files.
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
            score.write("-500")
        os.nice(5)  # calls go first
    except OSError:
        pass
    os.umask(0o022)
    sys.setrecursionlimit(5000)
    actions: dict[str, Action] = {**file_actions.ACTIONS, **file_tree.ACTIONS, **file_watch.ACTIONS}
    Worker(fd, actions).run()
