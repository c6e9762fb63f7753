"""The interpreter's short way to the host.

While the agent has nothing to do it leases the host's port to the interpreter. Then a short Python call takes no switch
between processes, which under emulation costs more than the call itself: the interpreter reads the frame, runs the code
and writes output and end itself. The rules that keep the two from stepping on each other:

- The agent leases only when it is idle: no calls, nothing half read or half written, no barrier.
- The interpreter handles echoes and plain Python calls. Whatever else arrives it hands back to the agent, and with it
  the port; so it does when a thread writes between calls.
- A call's number and window lie in an eventfd while it runs. Whoever reads them out owns the call: the interpreter
  at the end, or the agent, woken by a timer that the interpreter has set, when the call takes longer than
  TAKE_OVER_SECONDS. From then on the agent has the port and the call, and all is as without a lease.
"""

import ctypes
import json
import os
import select
import struct
import time
from typing import Any, NamedTuple

HEADER = struct.Struct(">IcI")
# Of a piece of a value: the value's length, the piece's place.
VALUE = struct.Struct(">II")
READ_SIZE = 32768
# All that one call may send on the short way: one write to a virtio port.
MAX_ANSWER = 32000
# Longer than a short call takes even on a busy host with emulation, too short for a person to notice.
TAKE_OVER_SECONDS = 0.01
NEVER = 0.0

# Calls that have one of these are for the agent.
_OPTIONS = frozenset(("cwd", "env", "context"))

_LIBC: Any = None
_SCAN: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class LeaseFds(NamedTuple):
    """Descriptors as the interpreter sees them."""

    port: int
    token: int
    timer: int
    out: int
    err: int


LEASE_FDS = LeaseFds(204, 205, 206, 207, 208)


def make_timer() -> int:
    if hasattr(os, "timerfd_create"):
        fd: int = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        return fd
    fd = int(_libc().timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    return fd


def set_timer(fd: int, seconds: float) -> None:
    if hasattr(os, "timerfd_settime"):
        os.timerfd_settime(fd, initial=seconds)
        return
    nanos = int(seconds * 1e9)
    setting = struct.pack("qqqq", 0, 0, nanos // 1_000_000_000, nanos % 1_000_000_000)
    if _libc().timerfd_settime(fd, 0, setting, None) != 0:
        raise OSError(ctypes.get_errno(), "timerfd_settime")


def _libc() -> Any:
    global _LIBC
    if _LIBC is None:
        _LIBC = ctypes.CDLL(None, use_errno=True)
    return _LIBC


def make_token() -> int:
    return os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)


def take_token(fd: int) -> tuple[int, int] | None:
    """Number and window of the call that runs on the short way, for the one who reads them first."""
    try:
        value = os.eventfd_read(fd)
    except BlockingIOError:
        return None
    return value >> 32, (value & 0xFFFFFFFF) - 1


class LeasedCall(NamedTuple):
    number: int
    window: int
    source: str
    wants_result: bool


class Lease:
    """The interpreter's side. One thread."""

    def __init__(self, control: int) -> None:
        self.held = False
        self._control = control
        self._poll = select.poll()
        for fd in (control, LEASE_FDS.port, LEASE_FDS.out, LEASE_FDS.err):
            self._poll.register(fd, select.POLLIN)

    def wait(self) -> LeasedCall | bytes | None:
        """A call from the port, a packet from the agent, or None: look again."""
        ready = self._poll.poll()
        if len(ready) == 1 and ready[0] == (LEASE_FDS.port, select.POLLIN):
            return self._from_port()
        if any(fd == self._control for fd, _ in ready):
            return os.read(self._control, 65536)
        self._hand_back(b"")
        return None

    def _from_port(self) -> LeasedCall | None:
        try:
            data = os.read(LEASE_FDS.port, READ_SIZE)
        except BlockingIOError:
            return None
        if len(data) >= HEADER.size:
            size, kind, number = HEADER.unpack_from(data)
            if size + 4 == len(data):
                if kind == b"x":
                    call = self._parse(number, data)
                    if call is not None:
                        return call
                elif kind == b"p":
                    self.send(HEADER.pack(size, b"P", number) + data[HEADER.size :])
                    return None
        self._hand_back(data)
        return None

    def _parse(self, number: int, data: bytes) -> LeasedCall | None:
        try:
            # The bare scanner: json.loads itself costs as much as the rest of a short call.
            text = str(data[HEADER.size :], "utf-8")
            request, end = _SCAN(text, 0)
            if end != len(text):
                return None
            if request["language"] != "python" or not _OPTIONS.isdisjoint(request):
                return None
            code, window = request["code"], request["window"]
        except (ValueError, LookupError, TypeError, StopIteration, RecursionError):
            return None
        if not isinstance(code, str) or not isinstance(window, int) or window < 1:
            return None
        return LeasedCall(number, min(window, 0xFFFFFFF0), code, bool(request.get("result")))

    def rehearse(self) -> None:
        """Takes a call apart that is none."""
        call = b'{"language":"python","code":"","window":1}'
        self._parse(0, HEADER.pack(len(call) + 5, b"x", 0) + call)

    def begin(self, call: LeasedCall) -> None:
        os.eventfd_write(LEASE_FDS.token, call.number << 32 | call.window + 1)
        set_timer(LEASE_FDS.timer, TAKE_OVER_SECONDS)

    def end(self, call: LeasedCall, code: int, value: bytes) -> bool:
        """Sends all of the call. False: the agent has the call, or shall have it since it has much to say."""
        if take_token(LEASE_FDS.token) is None:
            self.held = False
            return False
        room = min(MAX_ANSWER, call.window) - len(value)
        out = _read(LEASE_FDS.out, room)
        err = _read(LEASE_FDS.err, room - len(out))
        if room <= 0 or len(out) + len(err) >= room:
            self._give_up(call, out, err)
            return False
        answer = b""
        number = call.number
        shown = VALUE.pack(len(value), 0) + value if value else b""
        for kind, data in ((b"O", out), (b"E", err), (b"V", shown)):
            if data:
                answer += HEADER.pack(len(data) + 5, kind, number) + data
        done = b'{"code":%d,"reason":"exited"}' % code
        self.send(answer + HEADER.pack(len(done) + 5, b"D", number) + done)
        return True

    def give_up(self, call: LeasedCall) -> None:
        """In the middle of the call: the agent has it from now on, if it has not taken it already."""
        if take_token(LEASE_FDS.token) is None:
            self.held = False
        else:
            self._give_up(call, b"", b"")

    def settle(self) -> None:
        """After an end: the timer need not wake the agent any more."""
        if self.held:
            set_timer(LEASE_FDS.timer, NEVER)

    def send(self, data: bytes) -> None:
        try:
            written = os.write(LEASE_FDS.port, data)
        except BlockingIOError:
            written = 0
        if written < len(data):
            os.write(self._control, b"W" + data[written:])
            self.held = False

    def _hand_back(self, data: bytes) -> None:
        """The port is the agent's again; `data` has been read from it already."""
        os.write(self._control, b"B" + data)
        self.held = False

    def _give_up(self, call: LeasedCall, out: bytes, err: bytes) -> None:
        head = struct.pack(">cIIII", b"T", call.number, call.window, len(out), len(err))
        os.write(self._control, head + out + err)
        self.held = False


def _read(fd: int, room: int) -> bytes:
    if room <= 0:
        return b""
    try:
        return os.read(fd, room)
    except BlockingIOError:
        return b""
