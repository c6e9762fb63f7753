"""The agent's way to the files worker: frames are handed on as they are, whole, and never opened.

The worker is a process of its own beside the agent, so that a slow or hanging file system holds up no call. Each packet
of the socket between the two is one frame. The worker's socket is watched like an output pipe, so a transfer takes
turns with the output of calls; nothing is read of it while the host is behind or the agent is held.
"""

import os
import select
import time
from _socket import AF_UNIX, SOCK_SEQPACKET, SOL_SOCKET, socketpair
from collections import deque

from .channel import HEADER
from .output import Sink
from .spawn import Spawner, which

SOCKET_FD = 3
BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from podflare_guest.files import main; main(int(sys.argv[2]))"
)
PACKET = 131072
SOCKET_SPACE = 1 << 20
ENDED = b'{"error":"transfer_cut","message":"the guest\'s files worker has ended"}'
# Beyond the usual limit of the kernel, as root may; Python has no name for it.
SO_SNDBUFFORCE = 32
# A worker that died younger than this is not started again before somebody asks.
YOUNG_SECONDS = 5.0


class FileRelay:
    """One at a time: owned by the agent's loop. `live`: operations whose end was not told yet."""

    def __init__(self, sink: Sink, spawner: Spawner) -> None:
        self.live: set[int] = set()
        self.pid = 0
        self._sink = sink
        self._spawner = spawner
        self._fd = -1
        self._born = 0.0
        self._queue: deque[bytes] = deque()
        self._acks = 0  # while some are due, what comes belongs to operations that were cut off

    def start(self) -> None:
        ours, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_SPACE)
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        environment = self._spawner.environment
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        argv = [which("python3", environment), "-IS", "-c", BOOT, root, str(SOCKET_FD)]
        try:
            self.pid = self._spawner.spawn(
                argv, environment, "/", {0: null, 1: null, SOCKET_FD: theirs.fileno()}, is_ours=True
            )
        except OSError:
            ours.close()
            return
        finally:
            theirs.close()
            os.close(null)
        self._born = time.monotonic()
        self._fd = ours.detach()
        os.set_blocking(self._fd, False)
        self._sink.loop.watch_output(self._fd, self._on_packet)

    def open(self, number: int, payload: bytes) -> None:
        if self.pid == 0:
            self.start()
        self.live.add(number)
        if self.pid == 0:
            self._cut(number)
        else:
            self._send(HEADER.pack(len(payload) + 5, b"f", number) + payload)

    def hand_on(self, kind: bytes, number: int, payload: bytes) -> None:
        if number in self.live:
            self._send(HEADER.pack(len(payload) + 5, kind, number) + payload)

    def cut_all(self) -> None:
        """The host that asked is gone; what the worker still says to it is dropped."""
        self.live.clear()
        if self.pid:
            self._acks += 1
            self._send(HEADER.pack(5, b"k", 0))

    def died(self, pid: int) -> bool:
        """Whether the process was the worker."""
        if pid != self.pid or pid == 0:
            return False
        self.pid = 0
        if self._queue:
            self._sink.loop.unwatch(self._fd)
        else:
            self._sink.loop.unwatch_output(self._fd)
        os.close(self._fd)
        self._fd = -1
        self._queue.clear()
        self._acks = 0
        for number in list(self.live):
            self._cut(number)
        if time.monotonic() - self._born > YOUNG_SECONDS:
            self.start()
        return True

    def _cut(self, number: int) -> None:
        self.live.discard(number)
        self._sink.channel.send(b"K", number, ENDED)

    def _send(self, packet: bytes) -> None:
        if not self._queue and self._write(packet):
            return
        if not self._queue:
            self._sink.loop.unwatch_output(self._fd)
            self._sink.loop.watch(self._fd, self._on_both, select.EPOLLIN | select.EPOLLOUT)
        self._queue.append(packet)

    def _write(self, packet: bytes) -> bool:
        try:
            os.write(self._fd, packet)
        except BlockingIOError:
            return False
        except OSError:
            pass  # it is dying; its end is reported by the kernel
        return True

    def _on_both(self, events: int) -> None:
        """While packets wait. They have been granted, so there are few."""
        if events & select.EPOLLOUT:
            while self._queue and self._write(self._queue[0]):
                self._queue.popleft()
            if not self._queue:
                self._sink.loop.unwatch(self._fd)
                self._sink.loop.watch_output(self._fd, self._on_packet)
        if events & select.EPOLLIN and not self._sink.loop.crowded:
            self._on_packet(events)

    def _on_packet(self, _events: int) -> None:
        try:
            packet = os.read(self._fd, PACKET)
        except OSError:
            return
        if not packet:
            # Its end without its death: user code can do anything to it, and the kernel tells of the rest.
            os.kill(self.pid, 9)
            return
        size, kind, number = HEADER.unpack_from(packet)
        if kind == b"k":
            self._acks -= 1
        elif not self._acks and number in self.live and size + 4 == len(packet):
            if kind == b"K":
                self.live.discard(number)
            self._sink.channel.send_raw(packet)
