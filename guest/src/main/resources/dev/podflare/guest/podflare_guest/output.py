"""A call's way to the host: its output pipes, its window, its end."""

import fcntl
import json
import os
import struct
import termios
import time
from collections.abc import Callable

from .channel import Channel
from .loop import Loop

# One frame of this many bytes is one write to a virtio port (the driver takes 32 KiB at a time).
CHUNK = 32768 - 9
# A piece of output smaller than this is a sign of line-wise writing: let some lines gather.
SMALL = 8192
# What Python may say while no call runs, per second; the rest is dropped.
STRAY_PER_SECOND = 1 << 20
_UNKNOWN = 1 << 40


class Call:
    """One execution. `credit`: bytes of output that the host still takes."""

    def __init__(self, number: int, window: int, agent: "Sink") -> None:
        self.number = number
        self.credit = window
        self.agent = agent
        self.outlets: tuple[Outlet, ...] = ()
        self.signalled = False
        self.killed = False
        self.abandoned = False
        self.on_credit: Callable[[], None] = lambda: None
        self._done: bytes | None = None
        self.on_settled: Callable[[], None] | None = None

    def grant(self, count: int) -> None:
        self.credit += count
        for outlet in self.outlets:
            outlet.resume()
        self.on_credit()
        if self._done is not None:
            self.settle()

    def abandon(self) -> None:
        """The host that asked is gone: the call goes on, its output is dropped."""
        self.abandoned = True
        self.grant(_UNKNOWN)

    def take_on(self, window: int) -> None:
        """Another host has the call now, and has heard nothing of it yet."""
        self.credit = 0
        self.grant(window)

    @property
    def ending(self) -> bool:
        """Whether the end is known and only output is left to be sent."""
        return self._done is not None

    def send(self, kind: bytes, payload: bytes) -> None:
        if not self.abandoned:
            self.agent.channel.send(kind, self.number, payload)

    def finish(
        self, code: int, reason: str, message: str | None, on_settled: Callable[[], None]
    ) -> None:
        """Ends the call once all output that is in its pipes now has been sent."""
        if reason == "exited" and message is None:
            self._done = b'{"code":%d,"reason":"exited"}' % code
        else:
            body: dict[str, object] = {"code": code, "reason": reason}
            if message is not None:
                body["message"] = message
            self._done = json.dumps(body).encode()
        self.on_settled = on_settled
        for outlet in self.outlets:
            outlet.left = _UNKNOWN
        self.settle()

    def settle(self) -> None:
        for outlet in self.outlets:
            if not outlet.drain(self):
                outlet.mute()
                return
        done, self._done = self._done, None
        on_settled, self.on_settled = self.on_settled, None
        if done is None or on_settled is None:
            return
        self.send(b"D", done)
        self.agent.ended(self)
        on_settled()


class Sink:
    """What outlets need of the agent."""

    def __init__(self, loop: Loop, channel: Channel) -> None:
        self.loop = loop
        self.channel = channel
        self.calls: dict[int, Call] = {}
        self._stray_second = 0
        self._stray_left = 0

    def take_port(self) -> None:
        """Reads the port from now on."""
        raise NotImplementedError

    def leave_port(self) -> None:
        """Does not read the port any more: the interpreter does."""
        raise NotImplementedError

    def feed(self, data: bytes) -> None:
        """Handles bytes that the interpreter has read from the port."""
        raise NotImplementedError

    def ended(self, call: Call) -> None:
        """All of the call has been sent."""
        self.calls.pop(call.number, None)

    def stray(self, kind: bytes, data: bytes) -> None:
        second = int(time.monotonic())
        if second != self._stray_second:
            self._stray_second = second
            self._stray_left = STRAY_PER_SECOND
        if len(data) <= self._stray_left:
            self._stray_left -= len(data)
            self.channel.send(kind, 0, data)


class Outlet:
    """The reading end of one output pipe. Without a call its output is stray, or dropped."""

    def __init__(self, sink: Sink, fd: int, kind: bytes, on_end: Callable[["Outlet"], None]) -> None:
        self.sink = sink
        self.fd = fd
        self.kind = kind
        self.call: Call | None = None
        self.dropping = False
        self.left = 0
        self._muted = False
        self._on_end = on_end
        os.set_blocking(fd, False)
        sink.loop.watch_output(fd, self._ready)

    def mute(self) -> None:
        if not self._muted and self.fd >= 0:
            self._muted = True
            self.sink.loop.unwatch_output(self.fd)

    def resume(self) -> None:
        if self._muted and self.fd >= 0:
            self._muted = False
            self.sink.loop.watch_output(self.fd, self._ready)

    def close(self) -> None:
        if self.fd >= 0:
            self.mute()
            os.close(self.fd)
            self.fd = -1

    def drop(self) -> None:
        """From now on only keeps the pipe from filling up, so that nobody dies of SIGPIPE."""
        self.call = None
        self.dropping = True
        self.resume()

    def drain(self, call: Call) -> bool:
        """Sends what was in the pipe when the call ended. False: more credit is needed."""
        while self.left:
            room = min(CHUNK, call.credit, self.left)
            if room <= 0:
                self.left = min(self.left, self._waiting())
                if self.left:
                    return False
                break
            data = self._read(room)
            if data:
                self.deliver(data)
            if not data or len(data) < room:
                self.left = 0
            elif self.left >= _UNKNOWN >> 1:
                self.left = self._waiting()
            else:
                self.left -= len(data)
        return True

    def catch_up(self, call: Call) -> bool:
        """Sends what is in the pipe now. False: more credit is needed."""
        while self.fd >= 0 and call.credit > 0:
            data = self._read(min(CHUNK, call.credit))
            if not data:
                return True  # an end is found, and dealt with, by the loop
            self.deliver(data)
        return self._waiting() == 0

    def _waiting(self) -> int:
        if self.fd < 0:
            return 0
        count: int = struct.unpack("i", fcntl.ioctl(self.fd, termios.FIONREAD, b"\0\0\0\0"))[0]
        return count

    def _read(self, room: int) -> bytes | None:
        """None: nothing there now; empty: the end of the pipe."""
        if self.fd < 0:
            return b""
        try:
            return os.read(self.fd, room)
        except BlockingIOError:
            return None

    def deliver(self, data: bytes) -> None:
        call = self.call
        if call is not None:
            call.credit -= len(data)
            call.send(self.kind, data)
        elif not self.dropping:
            self.sink.stray(self.kind, data)

    def _ready(self, _events: int) -> None:
        call = self.call
        room = CHUNK if call is None else min(CHUNK, call.credit)
        if room <= 0:
            self.mute()
            return
        data = self._read(room)
        if data:
            self.deliver(data)
            if len(data) < SMALL:
                self.sink.loop.gather(1)
        elif data is not None:
            self.close()
            self._on_end(self)
