"""The agent's side of the lease that lease.py describes."""

import os
import struct
from collections.abc import Callable

from .lease import LEASE_FDS, make_timer, make_token, take_token
from .output import Call, Outlet, Sink

# After a thread wrote between calls, that long the agent keeps the port.
STRAY_PAUSE_SECONDS = 0.2
ADOPTED = struct.Struct(">cIIII")


class Leasing:
    """`adopt`: makes a call that the interpreter runs the agent's own."""

    def __init__(self, sink: Sink, adopt: Callable[[int, int], Call]) -> None:
        self.leased = False
        self._sink = sink
        self._adopt = adopt
        self._token = make_token()
        self._timer = make_timer()
        self._paused = False
        self._outlets: tuple[Outlet, ...] = ()
        sink.loop.watch(self._timer, self._on_timer)

    def close(self) -> None:
        """There will be no lease any more."""
        self._sink.loop.unwatch(self._timer)
        os.close(self._timer)
        os.close(self._token)

    def descriptors(self, outlets: tuple[int, int]) -> dict[int, int]:
        """What the interpreter is started with."""
        fds = LEASE_FDS
        return {
            fds.port: self._sink.channel.fd,
            fds.token: self._token,
            fds.timer: self._timer,
            fds.out: outlets[0],
            fds.err: outlets[1],
        }

    def grant(self, control: int, outlets: tuple[Outlet, ...]) -> None:
        """To be called only when all is idle."""
        if self.leased or self._paused:
            return
        take_token(self._token)
        try:
            os.write(control, b"L")
        except OSError:
            return
        self.leased = True
        self._outlets = outlets
        self._sink.leave_port()
        for outlet in outlets:
            outlet.mute()

    def take_back(self) -> None:
        if self.leased:
            self.leased = False
            self._sink.take_port()
            for outlet in self._outlets:
                outlet.resume()
            self._outlets = ()

    def take_over(self) -> None:
        """Takes the port back, and the call that runs if there is one."""
        call = take_token(self._token)
        self.take_back()
        if call is not None:
            self._adopt(*call)

    def handle(self, packet: bytes) -> bool:
        """A packet with which the interpreter gives up the lease; False if it is none."""
        kind = packet[:1]
        if not self.leased or kind not in (b"B", b"W", b"T"):
            return False
        outlets = self._outlets
        self.take_back()
        if kind == b"B":
            if len(packet) > 1:
                self._sink.feed(packet[1:])
            else:
                self._pause()
        elif kind == b"W":
            self._sink.channel.send_raw(packet[1:])
        elif len(packet) >= ADOPTED.size:
            _, number, window, out, err = ADOPTED.unpack_from(packet)
            self._adopt(number, window)
            text = packet[ADOPTED.size :]
            for outlet, data in zip(outlets, (text[:out], text[out : out + err]), strict=True):
                if data:
                    outlet.deliver(data)
        return True

    def _pause(self) -> None:
        def over() -> None:
            self._paused = False

        self._paused = True
        self._sink.loop.after(STRAY_PAUSE_SECONDS, over)

    def _on_timer(self, _events: int) -> None:
        try:
            os.read(self._timer, 8)
        except BlockingIOError:
            return
        if not self.leased:
            return
        call = take_token(self._token)
        if call is not None:
            self.take_back()
            self._adopt(*call)
