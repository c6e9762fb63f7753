"""Files, both ways."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
from pathlib import Path

import pytest

from podflare import Sandbox, errors
from support import eventually


def test_there_and_back(box: Sandbox, tmp_path: Path) -> None:
    data = os.urandom(6 << 20)
    written = box.files.write("/root/in/deep/data.bin", data, mode=0o600)
    assert (written.size, written.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert box.files.stat("/root/in/deep/data.bin").mode == "0600"
    assert box.files.read("/root/in/deep/data.bin") == data
    assert box.files.read("/root/in/deep/data.bin", offset=5, length=10) == data[5:15]
    assert box.files.read("/root/in/deep/data.bin", offset=len(data) - 3) == data[-3:]
    assert box.files.read("/root/in/deep/data.bin", offset=len(data) + 1) == b""
    assert box.files.download("/root/in/deep/data.bin", tmp_path / "copy") == len(data)
    assert (tmp_path / "copy").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


@pytest.mark.parametrize("kind", ["text", "path", "file", "pieces", "empty"])
def test_whatever_has_bytes_can_be_written(box: Sandbox, tmp_path: Path, kind: str) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"one two")
    if kind == "file":
        with local.open("rb") as file:
            file.seek(4)
            box.files.write("/tmp/written", file)
        expected = b"two"
    else:
        sources = {"text": "größe", "path": local, "pieces": iter([b"a", b"", b"b"]), "empty": b""}
        box.files.write("/tmp/written", sources[kind])  # type: ignore[arg-type]
        expected = {"text": "größe".encode(), "path": b"one two", "pieces": b"ab", "empty": b""}[
            kind
        ]
    assert box.files.read("/tmp/written") == expected


def test_upload_and_download(box: Sandbox, tmp_path: Path) -> None:
    local = tmp_path / "local.csv"
    local.write_bytes(b"a,b\r\n")
    box.upload(str(local), "/tmp/remote.csv")
    assert box.download("/tmp/remote.csv") == b"a,b\r\n"
    box.upload(b"bytes", "relative")
    assert box.download("/root/relative") == b"bytes"
    box.upload("other way round.csv", b"1,2")
    assert box.download("other way round.csv") == b"1,2"


def test_folders(box: Sandbox) -> None:
    assert box.files.make_folder("/root/tree/sub", mode="0750").mode == "0750"
    for name in ("b", "a", "größe 🎉", "sub/c"):
        box.files.write(f"/root/tree/{name}", name)
    names = [entry.name for entry in box.files.list("/root/tree")]
    assert names == ["a", "b", "größe 🎉", "sub"]
    assert len(box.files.list("/root/tree", depth=5)) == 5
    box.files.move("/root/tree/a", "/root/tree/z")
    assert not box.files.exists("/root/tree/a")
    assert box.files.exists("/root/tree/z")
    with pytest.raises(errors.DirectoryNotEmpty):
        box.files.remove("/root/tree")
    box.files.remove("/root/tree", recursive=True)
    assert not box.files.exists("/root/tree")


def test_archives(box: Sandbox) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("inner/file")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"data"))
    unpacked = box.files.unpack("/root/unpacked", packed.getvalue())
    assert unpacked.size == 4
    assert box.files.read("/root/unpacked/inner/file") == b"data"
    back = io.BytesIO(b"".join(box.files.archive("/root/unpacked")))
    with tarfile.open(fileobj=back) as tar:
        assert "inner/file" in [name.removeprefix("./") for name in tar.getnames()]


def test_errors_are_those_of_files(box: Sandbox) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        box.download("/no/such/file")
    assert isinstance(caught.value, errors.FileNotFound)
    with pytest.raises(IsADirectoryError):
        box.files.read("/root")
    with pytest.raises(errors.PreconditionFailed):
        box.files.write("/etc/hostname", b"x", only_new=True)
    with pytest.raises(FileExistsError):
        box.files.move("/etc/hostname", "/etc/passwd")


def test_watch(box: Sandbox) -> None:
    box.files.make_folder("/root/watched")
    seen: list[tuple[str, str]] = []
    ready = threading.Event()

    def watch() -> None:
        for change in box.files.watch("/root/watched"):
            seen.append((change.type, change.path))
            ready.set()

    thread = threading.Thread(target=watch)
    thread.start()
    assert ready.wait(100)
    box.files.write("/root/watched/new", b"x")
    eventually(lambda: any(path == "/root/watched/new" for _, path in seen))
    box.files.remove("/root/watched", recursive=True)
    thread.join(100)
    assert (seen[0][0], seen[-1][0]) == ("watching", "gone")
