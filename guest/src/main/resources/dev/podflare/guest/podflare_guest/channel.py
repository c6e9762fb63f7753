"""Frames to and from the host over one byte stream, never blocking.

A frame is: u32 length of what follows, u8 type, u32 id, payload; big-endian. Frames that are sent within
one turn of the loop leave in one write, since every write to a virtio port costs the host a wake-up.
"""

import errno
import os
import struct
from collections import deque

HEADER = struct.Struct(">IcI")
MAX_PAYLOAD = 1 << 20
READ_SIZE = 32768
PORT_PIECE = 4096
# Not for ever, so that others have their turn.
MOST_PIECES = 31
# More than this unsent: the host is slow, and output pipes are left alone until it has caught up.
CROWDED = 256 << 10


class Disconnected(Exception):
    """The host's end is closed."""


class BadFrame(Exception):
    """The stream cannot be followed any more."""


class Channel:
    """One at a time: owned by the agent's loop."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.backlog = 0
        self._inbox = bytearray()
        self._pending: list[bytes] = []
        self._unsent: deque[memoryview] = deque()

    def receive(self) -> list[tuple[bytes, int, bytes]]:
        """Whole frames that have arrived, as (type, id, payload)."""
        try:
            data = os.read(self.fd, READ_SIZE)
        except BlockingIOError:
            return []
        except OSError as error:
            raise Disconnected from error
        if not data:
            raise Disconnected
        return self.accept(data if len(data) < PORT_PIECE else self._with_rest(data))

    def _with_rest(self, data: bytes) -> bytes:
        """A virtio port gives one page at a time: the rest of a large frame is most often there already."""
        pieces = [data]
        try:
            for _ in range(MOST_PIECES):
                data = os.read(self.fd, READ_SIZE)
                pieces.append(data)
                if len(data) < PORT_PIECE:
                    break
        except OSError:
            pass  # nothing more now; an end is seen by the next read
        return b"".join(pieces)

    def accept(self, data: bytes) -> list[tuple[bytes, int, bytes]]:
        """Whole frames, given more bytes of the stream."""
        inbox = self._inbox
        if not inbox and len(data) >= 9:
            # The usual case: exactly one whole frame.
            size, kind, number = HEADER.unpack_from(data)
            if size + 4 == len(data) and size >= 5:
                return [(kind, number, data[9:])]
        inbox += data
        return self._split()

    def _split(self) -> list[tuple[bytes, int, bytes]]:
        inbox = self._inbox
        frames = []
        start = 0
        while len(inbox) - start >= 9:
            size, kind, number = HEADER.unpack_from(inbox, start)
            if not 5 <= size <= MAX_PAYLOAD + 5:
                raise BadFrame(f"frame of {size} bytes")
            end = start + 4 + size
            if end > len(inbox):
                break
            with memoryview(inbox) as view:
                frames.append((kind, number, bytes(view[start + 9 : end])))
            start = end
        if start:
            del inbox[:start]
        return frames

    @property
    def idle(self) -> bool:
        """Whether no frame is half read or waits to be written."""
        return not (self._inbox or self._pending or self._unsent)

    def send_raw(self, data: bytes) -> None:
        """Queues the rest of frames whose beginning has been written already."""
        self._pending.append(data)

    def send(self, kind: bytes, number: int, payload: bytes = b"") -> None:
        """Queues a frame; it leaves with the next flush."""
        self._pending.append(HEADER.pack(len(payload) + 5, kind, number) + payload)

    def flush(self) -> bool:
        """Writes what the host takes now. False: something is left, call again when writable."""
        pending = self._pending
        if pending:
            data = pending[0] if len(pending) == 1 else b"".join(pending)
            pending.clear()
            self._unsent.append(memoryview(data))
            self.backlog += len(data)
        unsent = self._unsent
        while unsent:
            head = unsent[0]
            try:
                written = os.write(self.fd, head)
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno == errno.ENOMEM:
                    return False
                raise Disconnected from error
            self.backlog -= written
            if written == len(head):
                unsent.popleft()
            else:
                unsent[0] = head[written:]
        return True

    def reset(self) -> None:
        """Forgets all bytes in flight, both ways."""
        self._inbox.clear()
        self._pending.clear()
        self._unsent.clear()
        self.backlog = 0
