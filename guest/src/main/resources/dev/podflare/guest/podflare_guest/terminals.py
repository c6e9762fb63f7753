"""Terminals: a process each, which leads a session on a pseudo-terminal of its own, side by side with all else."""

import fcntl
import os
import signal
import struct
import termios

from .output import CHUNK, SMALL, Outlet, Sink
from .process_calls import Input, ProcessCall
from .signals import session_members
from .spawn import Spawner, which, why
from .system import LimitWatch

MAX_TERMINALS = 256
# The host lets 256 KiB of input be on its way; a frame for each key would double what a key costs.
REPORT_INPUT = 16384
# Once the program has ended no more than this is taken from its terminal: others may still write there.
LAST_WORDS = 128 << 10
TERM = "xterm-256color"


class TerminalCall(ProcessCall):
    """`typed`: something was typed, so that what comes next is awaited by a person."""

    def __init__(self, number: int, window: int, sink: Sink) -> None:
        super().__init__(number, window, sink)
        self.master = -1
        self.typed = False

    def resize(self, payload: bytes) -> None:
        if self.master >= 0 and len(payload) == 4:
            _set_size(self.master, *struct.unpack(">HH", payload))


class TerminalOutlet(Outlet):
    """The reading end of a terminal: a read gives a page at most, and at the end an error."""

    terminal: TerminalCall

    def drain(self, call: "TerminalCall") -> bool:  # type: ignore[override]
        self.left = min(self.left, LAST_WORDS)
        while self.left > 0:
            room = min(CHUNK, call.credit)
            if room <= 0:
                return False
            data = self._read(room)
            if not data:
                self.left = 0
                break
            self.left -= len(data)
            self.deliver(data)
        return True

    def _read(self, room: int) -> bytes | None:
        data = self._page(room)
        if not data or len(data) < 2048:
            return data
        pages = [data]
        left = room - len(data)
        while left > 0:
            data = self._page(left)
            if not data:
                break  # an end is met again by the next read
            pages.append(data)
            left -= len(data)
        return b"".join(pages)

    def _page(self, room: int) -> bytes | None:
        try:
            return os.read(self.fd, room) if self.fd >= 0 else b""
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _ready(self, _events: int) -> None:
        call = self.terminal
        room = min(CHUNK, call.credit)
        if room <= 0:
            self.mute()
            return
        if call.typed:
            # The shortest way: a person waits for this, and most likely it is one key.
            call.typed = False
            data = self._page(room)
            if data:
                call.credit -= len(data)
                call.send(b"O", data)
                return
        else:
            data = self._read(room)
        if data:
            self.deliver(data)
            if len(data) < SMALL:
                self.sink.loop.gather(1)
        elif data is not None:
            self.close()
            call.master = -1  # its number may be another's soon


class Terminals:
    def __init__(self, sink: Sink, spawner: Spawner, oom: LimitWatch) -> None:
        self._sink = sink
        self._spawner = spawner
        self._oom = oom
        self._by_pid: dict[int, TerminalCall] = {}

    def open(self, call: TerminalCall, request: dict[str, object]) -> None:
        try:
            if len(self._by_pid) >= MAX_TERMINALS:
                raise OSError(f"{MAX_TERMINALS} terminals are open already")
            self._open(call, request)
        except (OSError, ValueError, LookupError) as error:
            call.finish(127, "exited", why(error), lambda: None)
            return
        call.send(b"Y", b"")

    def _open(self, call: TerminalCall, request: dict[str, object]) -> None:
        argv = [str(word) for word in _list(request["argv"])]
        environment = {**self._spawner.environment, "TERM": TERM}
        extra = request.get("env")
        if isinstance(extra, dict):
            environment.update(extra)
        program = argv[0] if "/" in argv[0] else which(argv[0], environment)
        cwd = str(request.get("cwd") or self._spawner.home)
        master, slave = os.openpty()
        try:
            _set_size(master, int(str(request["rows"])), int(str(request["cols"])))
            call.pid = self._spawner.spawn(
                [program, *argv[1:]], environment, cwd, {}, os.ttyname(slave)
            )
        except (OSError, ValueError):
            os.close(master)
            raise
        finally:
            os.close(slave)
        self._by_pid[call.pid] = call
        call.master = master
        # A descriptor of its own, since the loop knows each by its number.
        call.input = Input(self._sink, os.dup(master), call, REPORT_INPUT)
        outlet = TerminalOutlet(self._sink, master, b"O", lambda outlet: None)
        outlet.terminal = call
        outlet.call = call
        call.outlets = (outlet,)

    def type(self, call: TerminalCall, data: bytes) -> None:
        if call.input is not None:
            call.typed = True
            self._sink.loop.stop_gathering()
            call.input.add(data)

    def kill(self, call: TerminalCall) -> None:
        """Ends all that runs in the session, as whoever takes the terminal away."""
        if call.pid:
            call.signalled = call.killed = True
            for pid in [call.pid, *session_members(call.pid)]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def died(self, pid: int, status: int) -> bool:
        """Whether the process was one of ours. What it leaves behind loses its terminal."""
        call = self._by_pid.pop(pid, None)
        if call is None:
            return False
        code, reason = call.ended(status, self._oom)
        call.master = -1
        self._sink.loop.stop_gathering()
        call.finish(code, reason, None, lambda: _hang_up(call))
        return True


def _hang_up(call: TerminalCall) -> None:
    for outlet in call.outlets:
        outlet.close()
    call.outlets = ()


def _set_size(fd: int, rows: int, cols: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def _list(value: object) -> list[object]:
    if not isinstance(value, list) or not value:
        raise ValueError("no program is named")
    return value
