"""Changes below a folder, by inotify. Events are lines of JSON: [what, path, is a folder, cookie]."""

import ctypes
import json
import os
import select
import stat
import struct

from .files import CHUNK, Action, Failed, Operation

EVENT = struct.Struct("iIII")
ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO = 0x4, 0x8, 0x40, 0x80
CREATE, DELETE, DELETE_SELF, MOVE_SELF, MODIFY = 0x100, 0x200, 0x400, 0x800, 0x2
OVERFLOW, IGNORED, IS_FOLDER, ONLY_FOLDER, NO_FOLLOW = 0x4000, 0x8000, 0x40000000, 0x1000000, 0x2000000
WANTED = (
    ATTRIB | CLOSE_WRITE | MODIFY | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
)
NAMES = {
    ATTRIB: "attributes",
    CLOSE_WRITE: "written",
    MODIFY: "modified",
    MOVED_FROM: "moved_from",
    MOVED_TO: "moved_to",
    CREATE: "created",
    DELETE: "deleted",
}


class Watch:
    def __init__(self, operation: Operation, recursive: bool) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._operation = operation
        self._recursive = recursive
        self._folders: dict[int, bytes] = {}
        self._lines: list[str] = []
        self._size = 0
        self.fd = int(self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def add(self, path: bytes, relative: bytes, tell: bool, top: bool = False) -> None:
        """A folder made a moment ago may have something in it already: `tell` of that as well."""
        mask = WANTED if top else WANTED | ONLY_FOLDER | NO_FOLLOW
        number = self._libc.inotify_add_watch(self.fd, path, mask)
        if number < 0:
            error = ctypes.get_errno()
            if top:
                raise OSError(error, os.strerror(error))
            if error == 28:  # no more watches
                self.say("overflow", b"", False, 0)
            return
        self._folders[number] = relative
        if not self._recursive and not tell:
            return
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    name = relative + b"/" + entry.name if relative else entry.name
                    folder = entry.is_dir(follow_symlinks=False)
                    if tell:
                        self.say("created", name, folder, 0)
                    if folder and self._recursive:
                        self.add(entry.path, name, tell)
        except OSError:
            pass  # gone already

    def _forget(self, path: bytes) -> None:
        """A folder goes elsewhere; if that is here as well, it is added under its new name."""
        below = path + b"/"
        for number, base in list(self._folders.items()):
            if base == path or base.startswith(below):
                del self._folders[number]
                self._libc.inotify_rm_watch(self.fd, number)

    def say(self, what: str, name: bytes, folder: bool, cookie: int) -> None:
        line = json.dumps([what, name.decode("latin-1"), folder, cookie]) + "\n"
        if self._size + len(line) > CHUNK:
            self.flush()
        self._lines.append(line)
        self._size += len(line)

    def flush(self) -> None:
        if self._lines:
            self._operation.put("".join(self._lines).encode())
            self._lines.clear()
            self._size = 0

    def take(self, root: bytes) -> bool:
        """Reads what has happened. False: the watched folder is gone."""
        data = os.read(self.fd, 65536)
        at = 0
        there = True
        while at < len(data):
            number, mask, cookie, length = EVENT.unpack_from(data, at)
            name = data[at + EVENT.size : at + EVENT.size + length].rstrip(b"\0")
            at += EVENT.size + length
            if mask & OVERFLOW:
                self.say("overflow", b"", False, 0)
                continue
            base = self._folders.get(number)
            if base is None:
                continue
            if mask & IGNORED:
                del self._folders[number]
                there = there and base != b""
                continue
            if mask & MOVE_SELF and not base:
                there = False
            what = NAMES.get(mask & 0xFFF)
            if what is None:
                continue
            path = base + b"/" + name if base and name else base or name
            self.say(what, path, bool(mask & IS_FOLDER), cookie)
            if mask & IS_FOLDER and mask & MOVED_FROM:
                self._forget(path)
            if self._recursive and mask & IS_FOLDER and mask & (CREATE | MOVED_TO):
                self.add(root + b"/" + path, path, bool(mask & CREATE))
        return there


def watch(operation: Operation) -> dict[str, object]:
    root = operation.path()
    if not stat.S_ISDIR(os.stat(root).st_mode) and operation.request.get("recursive"):
        raise Failed("not_a_directory", "only a folder can be watched with what is below it")
    woken = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    watching = Watch(operation, bool(operation.request.get("recursive")))
    try:
        operation.on_cancel(lambda: os.eventfd_write(woken, 1))
        watching.add(root, b"", False, top=True)
        operation.head({})
        watching.flush()
        poller = select.poll()
        poller.register(watching.fd, select.POLLIN)
        poller.register(woken, select.POLLIN)
        there = True
        while there and not operation.over:
            poller.poll()
            if operation.over:
                break
            there = watching.take(root)
            watching.flush()
    finally:
        os.close(watching.fd)
        operation.on_cancel(None)
        os.close(woken)
    return {"gone": True}


ACTIONS: dict[str, Action] = {"watch": watch}
