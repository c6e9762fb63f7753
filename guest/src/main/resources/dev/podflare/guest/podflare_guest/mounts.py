"""Mounts volumes, which the host serves as NFS at the guest's gateway.

The kernel does the rest: it speaks with the host itself, goes on after a fork or a thaw with the same handles, and waits
while the host's daemon is away. mount(2) may wait, too, so it is a thread's work.
"""

import ctypes
import json
import os
import threading
from collections.abc import Callable

from .loop import Loop
from .system import GATEWAY, log

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOATIME = 1, 2, 4, 1024
PORT = 2049
# Attributes are believed for a second, and never that a name is not there: so who opens a file sees what others have
# closed before. Locks stay in this guest.
OPTIONS = (
    f"vers=3,proto=tcp,port={PORT},mountvers=3,mountproto=tcp,mountport={PORT},addr={GATEWAY},mountaddr={GATEWAY},"
    "hard,nolock,noacl,actimeo=1,lookupcache=positive,rsize=131072,wsize=131072,timeo=50,retrans=2"
)


class Mounts:
    """One thread but for the work itself; the host asks for one thing at a time."""

    def __init__(self, loop: Loop, answer: Callable[[bytes], None]) -> None:
        self._answer = answer
        self._loop = loop
        self._done: list[bytes] = []
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        loop.watch(self._read, lambda _events: self._tell())

    def begin(self, payload: bytes) -> None:
        """Answered once all are mounted, or with the first failure."""
        threading.Thread(target=self._work, args=(payload,), daemon=True).start()

    def _work(self, payload: bytes) -> None:
        try:
            for mount in json.loads(payload)["mounts"]:
                _mount(str(mount["name"]), str(mount["path"]), bool(mount.get("read_only")))
            answer: dict[str, object] = {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            log(f"mount: {error}")
            answer = {"error": str(error)}
        self._done.append(json.dumps(answer).encode())
        os.write(self._write, b"m")

    def _tell(self) -> None:
        """In the loop's turn, so that nothing is said at a barrier."""
        os.read(self._read, 4096)
        while self._done:
            self._answer(self._done.pop(0))


def _mount(name: str, path: str, read_only: bool) -> None:
    os.makedirs(path, exist_ok=True)
    flags = MS_NOSUID | MS_NODEV | MS_NOATIME | (MS_RDONLY if read_only else 0)
    libc = ctypes.CDLL(None, use_errno=True)
    source = f"{GATEWAY}:/{name}".encode()
    if libc.mount(source, os.fsencode(path), b"nfs", ctypes.c_ulong(flags), OPTIONS.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{path}: {os.strerror(number)}")
