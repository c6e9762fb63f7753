"""Waits for a port that something listens on.

The kernel tells nobody when a socket begins to listen, so its tables are looked at: at once, and then every few
milliseconds, less often the longer nothing comes. Only while somebody waits, and one look serves all who do.
"""

import os
import socket

from .output import Call, Sink
from .questions import Question

# The first looks are quick, for servers that start at once; later ones cost an emulated guest next to nothing.
FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.1
LISTENS = b"0A"
MOST_ADDRESSES = 16
# An address of IPv4 as one of IPv6.
MAPPED = b"\0" * 10 + b"\xff\xff"


class PortWait(Question):
    def __init__(self, number: int, window: int, sink: Sink, waits: "PortWaits", port: int) -> None:
        super().__init__(number, window, sink)
        self.port = port
        self._waits = waits

    def cancel(self) -> None:
        self._waits.forget(self)
        super().cancel()


class PortWaits:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: list[PortWait] = []
        self._pause = FIRST_PAUSE
        self._looks = False

    def begin(self, number: int, window: int, request: dict[str, object]) -> Call:
        wait = PortWait(number, window, self._sink, self, int(str(request["port"])))
        self._waiting.append(wait)
        self._pause = FIRST_PAUSE
        return wait

    def forget(self, wait: PortWait) -> None:
        if wait in self._waiting:
            self._waiting.remove(wait)

    def look(self) -> None:
        """Tells those whose port listens now; looks again soon for the others."""
        if not self._sink.loop.held:
            found = listeners({wait.port for wait in self._waiting}) if self._waiting else {}
            for wait in [it for it in self._waiting if it.port in found]:
                self._waiting.remove(wait)
                wait.answer(" ".join(sorted(found[wait.port])[:MOST_ADDRESSES]))
        if self._waiting and not self._looks:
            self._looks = True
            self._sink.loop.after(self._pause, self._again)
            self._pause = min(LONGEST_PAUSE, self._pause * 1.25)

    def _again(self) -> None:
        self._looks = False
        self.look()


def listeners(ports: set[int]) -> dict[int, set[str]]:
    """Addresses that somebody listens on, of those of these ports that have any."""
    found: dict[int, set[str]] = {}
    for path, family in (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6)):
        if not os.path.exists(path):
            continue
        with open(path, "rb") as table:
            table.readline()
            for line in table:
                words = line.split(None, 4)
                if words[3] != LISTENS:
                    break  # those that listen come first, and connections may be many
                address, _, port = words[1].partition(b":")
                number = int(port, 16)
                if number in ports:
                    found.setdefault(number, set()).add(_text(address, family))
    return found


def _text(digits: bytes, family: int) -> str:
    """The table has addresses as numbers of 32 bits in the machine's own order."""
    raw = bytes.fromhex(digits.decode("ascii"))
    address = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    if address.startswith(MAPPED) and len(address) == 16:
        return socket.inet_ntop(socket.AF_INET, address[-4:])
    return socket.inet_ntop(family, address)
