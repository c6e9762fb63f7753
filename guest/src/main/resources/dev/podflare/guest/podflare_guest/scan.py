"""Lists files for a comparison, then looks into those that the host asks for. A process of its own.

Environment: PODFLARE_SCAN, {"paths": [...], "most": n}. Standard output: a line of JSON for each entry, [path, type, size,
mode, inode, ctime_ns, mtime_ns, target], then null. Standard input: a line [[index, ...], limit]. Standard output: a line
[index, sha256, text] for each, then null. `text` is null for what is larger than the limit or is no text.
"""

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
BLOCK = 1 << 20


def walk(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below on the same file system. What vanishes meanwhile, or cannot be read, is left out."""
    try:
        status = os.lstat(root)
    except OSError:
        return
    yield root, status
    folders = [root] if stat.S_ISDIR(status.st_mode) else []
    device = status.st_dev
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if status.st_dev == device:
                yield entry.path, status
                if stat.S_ISDIR(status.st_mode):
                    folders.append(entry.path)


def describe(path: str, status: os.stat_result) -> list[object]:
    kind = TYPES.get(stat.S_IFMT(status.st_mode), "other")
    target = None
    if kind == "link":
        try:
            target = os.readlink(path)
        except OSError:
            pass
    size = status.st_size if kind == "file" else 0
    mode = stat.S_IMODE(status.st_mode)
    return [path, kind, size, mode, status.st_ino, status.st_ctime_ns, status.st_mtime_ns, target]


def look(path: str, limit: int) -> tuple[str, str | None]:
    """Digest, and the text if it is one and not larger than the limit."""
    digest = hashlib.sha256()
    head = b""
    size = 0
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb", buffering=0) as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
            if size <= limit:
                head += block
    text = None
    if size <= limit and b"\0" not in head:
        try:
            text = head.decode()
        except UnicodeDecodeError:
            pass
    return digest.hexdigest(), text


def main() -> None:
    request = json.loads(os.environ["PODFLARE_SCAN"])
    seen: dict[str, None] = {}
    out = sys.stdout
    for root in request["paths"]:
        for path, status in walk(root):
            if path not in seen:
                seen[path] = None
                out.write(json.dumps(describe(path, status)) + "\n")
                if len(seen) > request["most"]:
                    return
    out.write("null\n")
    out.flush()
    indices, limit = json.loads(sys.stdin.readline())
    paths = list(seen)
    for index in indices:
        try:
            out.write(json.dumps([index, *look(paths[index], limit)]) + "\n")
        except OSError:
            pass  # gone since it was listed
    out.write("null\n")
    out.flush()
