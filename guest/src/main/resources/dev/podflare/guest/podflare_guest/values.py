"""The way of displayed values from the interpreter to the host: in pieces, in order with what was written before them.

Values take part in the call's window as output does. While there is none left, the interpreter's socket is not read,
and whoever displays waits.
"""

import struct
from collections.abc import Callable

from .display import MAX_VALUE
from .lease import VALUE as PIECE
from .output import CHUNK, Call

FIRST = struct.Struct(">cI")


class Values:
    """`watch`: whether packets of the interpreter are wanted. `passed`: a value is on its way as a whole."""

    def __init__(
        self, watch: Callable[[bool], None], passed: Callable[[], None] = lambda: None
    ) -> None:
        self._watch = watch
        self._passed = passed
        self._call: Call | None = None
        self._held = b""
        self._total = 0
        self._done = 0

    def begin(self, call: Call) -> None:
        self._call = call
        self._total = self._done = 0
        self._held = b""
        call.on_credit = lambda: self._go_on(call)

    def take(self, packet: bytes) -> None:
        """User code can write to the socket too: what makes no sense is dropped."""
        if self._held:
            return  # the last words of an interpreter that has died
        if packet[:1] == b"V" and len(packet) >= FIRST.size:
            _, self._total = FIRST.unpack_from(packet)
            self._done = 0
            data = packet[FIRST.size :]
        else:
            data = packet[1:]
        if self._total > MAX_VALUE or len(data) > self._total - self._done:
            self._total = self._done = 0
            return
        self._held += data
        if not self._pass_on():
            self._watch(False)

    def _go_on(self, call: Call) -> None:
        if call is self._call and self._held and self._pass_on():
            self._watch(True)

    def _pass_on(self) -> bool:
        """False: the host has no room."""
        call = self._call
        if call is None:
            return True
        for outlet in call.outlets:
            if not outlet.catch_up(call):
                return False
        while self._held:
            room = min(CHUNK - PIECE.size, call.credit)
            if room <= 0:
                return False
            data, self._held = self._held[:room], self._held[room:]
            call.credit -= len(data)
            call.send(b"V", PIECE.pack(self._total, self._done) + data)
            self._done += len(data)
        if 0 < self._total == self._done:
            self._total = self._done = 0
            self._passed()
        return True

    def drop(self) -> None:
        """The interpreter is gone; the end of a value that was on its way is not to come."""
        self._held = b""
