"""A TCP proxy that misbehaves on request: it cuts answers after so many bytes, answers in the
server's place, or waits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit

PIECE = 65536


class Proxy:
    """Stands before the server. ``cuts`` has, for one connection after the other, how many bytes of
    the answer get through before it is cut; ``answers`` what is answered instead, before anything
    goes through. Both are used up from their beginning; then all goes through."""

    def __init__(self, server: str, port: int = 0) -> None:
        parts = urlsplit(server)
        self._to = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.host = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts: list[int] = []
        self.answers: list[bytes] = []
        self.requests: list[bytes] = []
        self.only: Callable[[bytes], bool] = lambda head: True
        """Which requests are meddled with, by their head."""
        self.delay = 0.0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._listener.close()
        self.cut_all()

    def cut_all(self) -> None:
        with self._lock:
            connections = list(self._open)
        for one in connections:
            _end(one)

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        """One request of a connection at a time; a connection that was cut has no other."""
        with suppress(OSError), caller, socket.create_connection(self._to) as server:
            for one in (caller, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {caller, server}
            limit = _Limit()
            back = threading.Thread(target=self._back, args=(server, caller, limit), daemon=True)
            back.start()
            self._forth(caller, server, limit)
            _end(server)
            back.join()
        with self._lock:
            self._open -= {caller}

    def _forth(self, caller: socket.socket, server: socket.socket, limit: _Limit) -> None:
        buffered = b""
        while data := caller.recv(PIECE):
            buffered += data
            if b"\r\n\r\n" not in buffered:
                continue
            head, _, rest = buffered.partition(b"\r\n\r\n")
            length = _length(head)
            while len(rest) < length:
                more = caller.recv(PIECE)
                if not more:
                    return
                rest += more
            buffered = rest[length:]
            with self._lock:
                self.requests.append(head)
                meddle = self.only(head)
                answer = self.answers.pop(0) if self.answers and meddle else None
                if answer is None:
                    limit.left = self.cuts.pop(0) if self.cuts and meddle else None
            if answer is not None:
                caller.sendall(answer)
                continue
            time.sleep(self.delay)
            server.sendall(head + b"\r\n\r\n" + rest[:length])

    def _back(self, server: socket.socket, caller: socket.socket, limit: _Limit) -> None:
        with suppress(OSError):
            while data := server.recv(PIECE):
                left = limit.left
                if left is None:
                    caller.sendall(data)
                    continue
                caller.sendall(data[:left])
                limit.left = left - len(data)
                if limit.left <= 0:
                    break
        _end(caller)
        _end(server)


class _Limit:
    left: int | None = None


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def answer(status: str, body: str, **headers: str) -> bytes:
    """An answer of HTTP."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body]).encode()
