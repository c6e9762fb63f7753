"""Single files and folders: read, write, list, stat, mkdir, move, delete."""

import errno
import hashlib
import json
import os
import pwd
import shutil
import stat
from collections.abc import Iterator

from .files import CHUNK, Action, Failed, Operation

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
ZEROS = bytes(CHUNK)
HOLE = 16 << 20
PART = ".podflare-%s.part"
_OWNERS: dict[int, str] = {}


def describe(name: bytes, status: os.stat_result, target: bytes | None) -> list[object]:
    """As the host reads it: name, type, size, mode, uid, gid, owner, mtime_ns, inode, target."""
    kind = TYPES.get(stat.S_IFMT(status.st_mode), "other")
    owner = _OWNERS.get(status.st_uid)
    if owner is None:
        try:
            owner = pwd.getpwuid(status.st_uid).pw_name
        except KeyError:
            owner = ""
        _OWNERS[status.st_uid] = owner
    return [
        name.decode("latin-1"),
        kind,
        status.st_size if kind == "file" else 0,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        owner,
        status.st_mtime_ns,
        status.st_ino,
        None if target is None else target.decode("latin-1"),
    ]


def entry(path: bytes, name: bytes) -> list[object]:
    status = os.lstat(path)
    target = os.readlink(path) if stat.S_ISLNK(status.st_mode) else None
    return describe(name, status, target)


def require_file(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise Failed("is_a_directory", "it is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise Failed("not_a_file", "it is a device, pipe or socket, not a regular file")


def read(operation: Operation) -> dict[str, object]:
    path = operation.path()
    require_file(os.stat(path))  # first: to open a device can have an effect
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        require_file(status)
        size = status.st_size
        first, count = _range(operation, size)
        name = os.path.basename(path)
        operation.head({"entry": describe(name, status, None), "first": first, "count": count})
        if size == 0:
            # A file of /proc has no size, but says something.
            while data := os.read(fd, CHUNK):
                operation.put(data)
        else:
            send_file(operation, fd, first, count)
    finally:
        os.close(fd)
    return {}


def _range(operation: Operation, size: int) -> tuple[int, int]:
    """`first` and `last`, each may be missing: the last bytes, or all from one on."""
    first, last = operation.request.get("first"), operation.request.get("last")
    if first is None and last is None:
        return 0, size
    if first is None:
        begin, end = max(0, size - int(str(last))), size
    else:
        begin = int(str(first))
        end = size if last is None else min(size, int(str(last)) + 1)
    if begin >= end:
        raise Failed("range_not_satisfiable", f"the file has {size} bytes", size=size)
    return begin, end - begin


def send_file(operation: Operation, fd: int, first: int, count: int) -> None:
    """Holes go as their length. A file that has become shorter ends too early."""
    at, end = first, first + count
    while at < end:
        try:
            data_at = min(os.lseek(fd, at, os.SEEK_DATA), end)
        except OSError as error:
            # No data behind, or no such call in this file system.
            data_at = end if error.errno == errno.ENXIO else at
            if os.fstat(fd).st_size < end:
                raise Failed("transfer_cut", "the file was cut short meanwhile") from error
        while at < data_at:
            step = min(HOLE, data_at - at)
            operation.hole(step)
            at += step
        if at < end:
            try:
                stop = min(os.lseek(fd, at, os.SEEK_HOLE), end)
            except OSError:
                stop = end
            os.lseek(fd, at, os.SEEK_SET)
            while at < stop:
                data = os.read(fd, min(CHUNK, stop - at))
                if not data:
                    raise Failed("transfer_cut", "the file was cut short meanwhile")
                operation.put(data)
                at += len(data)


def receive(operation: Operation, fd: int, at: int) -> int:
    """Writes the input; zeros become holes. Returns the file's size."""
    hole = False
    while data := operation.take():
        hole = data == ZEROS[: len(data)]
        if not hole:
            view = memoryview(data)
            offset = at
            while view:
                written = os.pwrite(fd, view, offset)
                view = view[written:]
                offset += written
        at += len(data)
    if hole:
        os.ftruncate(fd, at)
    return at


def write(operation: Operation) -> dict[str, object]:
    request = operation.request
    path = os.path.realpath(operation.path())
    folder = os.path.dirname(path)
    old = _existing(path)
    if old is not None and request.get("exclusive"):
        raise Failed("precondition_failed", "there is a file already")
    os.makedirs(folder, exist_ok=True)
    upload = request.get("upload")
    part = os.path.join(folder, (PART % (upload or os.urandom(8).hex())).encode())
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    fd = os.open(part, flags if upload else flags | os.O_EXCL, 0o600)
    placed = False
    try:
        start = operation.number("offset", 0)
        status = os.fstat(fd)
        require_file(status)
        if status.st_size != start:
            if start:
                raise Failed(
                    "offset_mismatch", f"{status.st_size} bytes are there", offset=status.st_size
                )
            os.ftruncate(fd, 0)
        operation.head({"offset": start})
        size = receive(operation, fd, start)
        if request.get("partial"):
            placed = True
            return {"size": size}
        mode = operation.number("mode", -1)
        if mode < 0:
            mode = 0o644 if old is None else stat.S_IMODE(old.st_mode)
        if old is not None and (old.st_uid or old.st_gid):
            os.fchown(fd, old.st_uid, old.st_gid)
        os.fchmod(fd, mode)
        answer: dict[str, object] = {"size": size}
        if start:
            answer["sha256"] = _digest(fd)
        if request.get("sync"):
            os.fsync(fd)
        _place(part, path, bool(request.get("exclusive")))
        placed = True
        return answer
    finally:
        if not placed and not upload:
            os.unlink(part)
        os.close(fd)


def _existing(path: bytes) -> os.stat_result | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    require_file(status)
    return status


def _place(part: bytes, path: bytes, exclusive: bool) -> None:
    if exclusive:
        try:
            os.link(part, path, follow_symlinks=False)
        except FileExistsError as error:
            raise Failed("precondition_failed", "there is a file already") from error
        os.unlink(part)
    else:
        os.rename(part, path)


def _digest(fd: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    digest = hashlib.sha256()
    while data := os.read(fd, 1 << 18):
        digest.update(data)
    return digest.hexdigest()


def walk(path: bytes, depth: int, after: list[bytes]) -> Iterator[tuple[bytes, list[object]]]:
    """Sorted by the bytes of names, folders before what is in them; what comes after that path."""
    with os.scandir(path) as entries:
        first = after[0] if after else b""
        found = sorted((one.name, one) for one in entries if one.name >= first)
    for name, one in found:
        here = after[1:] if after and name == first else []
        passed = bool(after) and name == first
        try:
            status = one.stat(follow_symlinks=False)
            target = os.readlink(one.path) if stat.S_ISLNK(status.st_mode) else None
        except OSError:
            continue  # gone since it was listed
        if not passed:
            yield name, describe(name, status, target)
        if depth > 1 and stat.S_ISDIR(status.st_mode):
            try:
                for below, described in walk(one.path, depth - 1, here):
                    relative = name + b"/" + below
                    described[0] = relative.decode("latin-1")
                    yield relative, described
            except OSError:
                continue  # gone, or not to be read


def list_folder(operation: Operation) -> dict[str, object]:
    path = operation.path()
    most = operation.number("limit", 1000)
    cursor = operation.request.get("after")
    after = [] if cursor is None else str(cursor).encode("latin-1").split(b"/")
    lines: list[str] = []
    size = 0
    count = 0
    more = False
    last = ""
    for _, described in walk(path, operation.number("depth", 1), after):
        if count == most:
            more = True
            break
        count += 1
        last = str(described[0])
        line = json.dumps(described) + "\n"
        if size + len(line) > CHUNK:
            operation.put("".join(lines).encode())
            lines.clear()
            size = 0
        lines.append(line)
        size += len(line)
    if lines:
        operation.put("".join(lines).encode())
    return {"next": last if more else None}


def look(operation: Operation) -> dict[str, object]:
    path = operation.path()
    upload = operation.request.get("upload")
    if upload:
        part = os.path.join(os.path.dirname(os.path.realpath(path)), (PART % upload).encode())
        return {"entry": entry(part, os.path.basename(path))}
    return {"entry": entry(path, os.path.basename(path.rstrip(b"/")))}


def make_folder(operation: Operation) -> dict[str, object]:
    path = operation.path()
    mode = operation.number("mode", 0o755)
    if operation.request.get("parents"):
        parent = os.path.dirname(path.rstrip(b"/"))
        os.makedirs(parent, exist_ok=True)
    try:
        os.mkdir(path, mode)
        os.chmod(path, mode)
    except FileExistsError:
        if not operation.request.get("parents") or not os.path.isdir(path):
            raise
    return {"entry": entry(path, os.path.basename(path.rstrip(b"/")))}


def move(operation: Operation) -> dict[str, object]:
    source, target = operation.path(), operation.path("to")
    if not operation.request.get("overwrite") and os.path.lexists(target):
        raise Failed("file_exists", "the target is there already")
    os.lstat(source)
    parent = os.path.dirname(target.rstrip(b"/"))
    os.makedirs(parent, exist_ok=True)
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise Failed("invalid_field", "a folder cannot be moved into itself") from error
        if error.errno != errno.EXDEV:
            raise
        shutil.move(source, target)
    return {"entry": entry(target, os.path.basename(target.rstrip(b"/")))}


def delete(operation: Operation) -> dict[str, object]:
    path = operation.path()
    upload = operation.request.get("upload")
    if upload:
        path = os.path.join(os.path.dirname(os.path.realpath(path)), (PART % upload).encode())
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        os.unlink(path)
    elif operation.request.get("recursive"):
        shutil.rmtree(path)  # follows no link
    else:
        os.rmdir(path)
    return {}


ACTIONS: dict[str, Action] = {
    "read": read,
    "write": write,
    "list": list_folder,
    "stat": look,
    "mkdir": make_folder,
    "move": move,
    "delete": delete,
}
