"""Whole folders as one stream of records, of which the host makes and reads tar archives.

A record is HEAD, name, target, then as many bytes as its size says. Names are relative to the folder. No link is
followed on either way: each folder is opened from its parent's descriptor, and must be one itself.
"""

import os
import stat
import struct
from collections.abc import Callable, Iterator
from typing import TypeVar

from .file_actions import ZEROS, require_file, send_file
from .files import CHUNK, Action, Failed, Operation

# kind, mode, uid, gid, mtime in ns, size, length of the name, length of the target
HEAD = struct.Struct(">cHIIqQHH")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_DEPTH = 1000
T = TypeVar("T")


class Gathered:
    """Output of small records, many in a packet."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        if self._size + len(data) > CHUNK:
            self.flush()
        self._pieces.append(data)
        self._size += len(data)

    def flush(self) -> None:
        if self._size:
            self._operation.put(b"".join(self._pieces))
            self._pieces.clear()
            self._size = 0


def pack(operation: Operation) -> dict[str, object]:
    path = operation.path()
    status = os.stat(path)
    out = Gathered(operation)
    if not stat.S_ISDIR(status.st_mode):
        require_file(status)
        folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            operation.head({})
            _pack_one(operation, out, folder, os.path.basename(path), b"", status)
        finally:
            os.close(folder)
    else:
        root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        operation.head({})
        _pack_folder(operation, out, root, status.st_dev)
    out.flush()
    return {}


def _pack_folder(operation: Operation, out: Gathered, root: int, device: int) -> None:
    """Everything below on the same file system. What vanishes meanwhile is left out."""
    stack: list[tuple[int, bytes, Iterator[bytes]]] = [(root, b"", _names(root))]
    try:
        while stack:
            folder, prefix, names = stack[-1]
            name = next(names, None)
            if name is None:
                os.close(stack.pop()[0])
                continue
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if status.st_dev != device:
                    continue
                _pack_one(operation, out, folder, name, prefix, status)
                if stat.S_ISDIR(status.st_mode):
                    if len(stack) >= MAX_DEPTH:
                        raise Failed("file_failed", f"folders lie deeper than {MAX_DEPTH}")
                    below = os.open(name, FOLDER, dir_fd=folder)
                    stack.append((below, prefix + name + b"/", _names(below)))
            except (FileNotFoundError, NotADirectoryError):
                continue
    finally:
        for folder, _, _ in stack:
            os.close(folder)


def _names(folder: int) -> Iterator[bytes]:
    return iter(sorted(os.fsencode(name) for name in os.listdir(folder)))


def _pack_one(
    operation: Operation,
    out: Gathered,
    folder: int,
    name: bytes,
    prefix: bytes,
    status: os.stat_result,
) -> None:
    mode = status.st_mode
    fd = -1
    target = b""
    size = 0
    if stat.S_ISREG(mode):
        kind = b"f"
        fd = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
    elif stat.S_ISDIR(mode):
        kind = b"d"
    elif stat.S_ISLNK(mode):
        kind = b"l"
        target = os.readlink(name, dir_fd=folder)
    else:
        return  # pipes, sockets and devices stay where they are
    try:
        data = b""
        if fd >= 0:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                return
            size = status.st_size
            if size <= CHUNK // 4:
                data = os.read(fd, size)
                size = len(data)
        path = prefix + name
        out.add(
            HEAD.pack(
                kind,
                stat.S_IMODE(mode),
                status.st_uid,
                status.st_gid,
                status.st_mtime_ns,
                size,
                len(path),
                len(target),
            )
            + path
            + target
        )
        if data:
            out.add(data)
        elif size:
            out.flush()
            send_file(operation, fd, 0, size)
    finally:
        if fd >= 0:
            os.close(fd)


class Input:
    """The operation's input, cut as it is wanted."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._data = b""
        self._at = 0

    def exactly(self, count: int) -> bytes:
        """Empty only at the end of the input."""
        at = self._at
        if at + count <= len(self._data):
            self._at = at + count
            return self._data[at : at + count]
        pieces = [self._data[at:]]
        have = len(pieces[0])
        while have < count:
            piece = self._operation.take()
            if not piece:
                if have:
                    raise Failed("bad_archive", "the archive ends in the middle")
                return b""
            pieces.append(piece)
            have += len(piece)
        self._data = b"".join(pieces)
        self._at = count
        return self._data[:count]

    def some(self, most: int) -> bytes:
        if self._at == len(self._data):
            self._data = self._operation.take()
            self._at = 0
            if not self._data:
                raise Failed("bad_archive", "the archive ends in the middle")
        data = self._data[self._at : self._at + most]
        self._at += len(data)
        return data


class Folders:
    """Descriptors of folders below the root; the last one is kept."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._last = b""
        self._fd = root

    def of(self, path: bytes) -> int:
        """Of that folder, made if it is missing."""
        if path == self._last:
            return self._fd
        fd = self._root
        for name in path.split(b"/") if path else ():
            try:
                below = os.open(name, FOLDER, dir_fd=fd)
            except FileNotFoundError:
                os.mkdir(name, 0o755, dir_fd=fd)
                below = os.open(name, FOLDER, dir_fd=fd)
            except OSError as error:
                raise Failed(
                    "bad_archive",
                    f"{path.decode('utf-8', 'replace')} leads through what is no folder",
                ) from error
            finally:
                if fd != self._root:
                    os.close(fd)
            fd = below
        self.close()
        self._last = path
        self._fd = fd
        return fd

    def close(self) -> None:
        if self._fd != self._root:
            os.close(self._fd)
            self._fd = self._root
            self._last = b""


def unpack(operation: Operation) -> dict[str, object]:
    path = operation.path()
    os.makedirs(path, exist_ok=True)
    root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    folders = Folders(root)
    late: list[tuple[bytes, int, int]] = []  # times of folders change with what is put into them
    entries = 0
    size = 0
    source = Input(operation)
    try:
        operation.head({})
        while head := source.exactly(HEAD.size):
            kind, mode, _, _, mtime, length, name_length, target_length = HEAD.unpack(head)
            name = source.exactly(name_length)
            target = source.exactly(target_length) if target_length else b""
            parent, _, last = name.rpartition(b"/")
            if kind == b"d":
                folders.of(name)
                late.append((name, mode, mtime))
            else:
                folder = folders.of(parent)
                if kind == b"f":
                    _unpack_file(source, folder, last, mode, mtime, length)
                elif kind == b"l":
                    _afresh(folder, last, lambda f, n, t=target: os.symlink(t, n, dir_fd=f))
                else:
                    _hard_link(root, folder, last, target)
            entries += 1
            size += length
        for name, mode, mtime in reversed(late):
            fd = folders.of(name)
            os.fchmod(fd, mode)
            os.utime(fd, ns=(mtime, mtime))
    finally:
        folders.close()
        os.close(root)
    return {"entries": entries, "size": size}


def _afresh(folder: int, name: bytes, make: Callable[[int, bytes], T]) -> T:
    """What is there gives way, as with tar; a folder does not."""
    try:
        return make(folder, name)
    except FileExistsError:
        os.unlink(name, dir_fd=folder)
        return make(folder, name)


def _open(folder: int, name: bytes) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, 0o600, dir_fd=folder)


def _unpack_file(
    source: Input, folder: int, name: bytes, mode: int, mtime: int, length: int
) -> None:
    fd = _afresh(folder, name, _open)
    try:
        at = 0
        hole = False
        while at < length:
            data = source.some(min(CHUNK, length - at))
            hole = data == ZEROS[: len(data)]
            if not hole:
                written = os.pwrite(fd, data, at)
                while written < len(data):
                    written += os.pwrite(fd, data[written:], at + written)
            at += len(data)
        if hole:
            os.ftruncate(fd, length)
        os.fchmod(fd, mode)
        os.utime(fd, ns=(mtime, mtime))
    except BaseException:
        os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(fd)


def _hard_link(root: int, folder: int, name: bytes, target: bytes) -> None:
    parent, _, last = target.rpartition(b"/")
    folders = Folders(root)
    try:
        source = folders.of(parent)
        _afresh(
            folder,
            name,
            lambda f, n: os.link(last, n, src_dir_fd=source, dst_dir_fd=f, follow_symlinks=False),
        )
    finally:
        folders.close()


ACTIONS: dict[str, Action] = {"pack": pack, "unpack": unpack}
