"""Upload and download, which the client does by code."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from podflare import Sandbox

TEN_MEGABYTES = 10 << 20


def test_ten_megabytes_there_and_back(sandbox: Sandbox) -> None:
    data = os.urandom(TEN_MEGABYTES)
    sandbox.upload(data, "/root/in/a/deep/folder/data.bin")
    there = sandbox.run_code("sha256sum < /root/in/a/deep/folder/data.bin", language="bash")
    assert there.stdout.split()[0] == hashlib.sha256(data).hexdigest()
    back = sandbox.download("/root/in/a/deep/folder/data.bin")
    assert hashlib.sha256(back).hexdigest() == hashlib.sha256(data).hexdigest()


def test_a_local_file_is_copied(sandbox: Sandbox, tmp_path: Path) -> None:
    local = tmp_path / "local.csv"
    local.write_bytes(b"a,b\r\n1,2\r\n")
    sandbox.upload(str(local), "/tmp/remote.csv")
    assert sandbox.download("/tmp/remote.csv") == local.read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "quote'double\"back\\slash",
        "größe 日本語 🎉",
        "new\nline\ttab",
        "line\u2028separator\x85",
        "-rf",
        "$(touch nothing)`;&|*?[]{}",
        "x" * 255,
        ".hidden",
    ],
)
def test_odd_names(sandbox: Sandbox, name: str) -> None:
    path = f"/root/odd/{name}"
    data = name.encode() + bytes(range(256))
    sandbox.upload(data, path)
    assert sandbox.download(path) == data
    assert sandbox.run_code("import os; print(os.listdir('/root/odd'))").stdout == repr([name])
    assert sandbox.run_code("rm -r /root/odd", language="bash").ok


def test_nothing_is_something(sandbox: Sandbox) -> None:
    sandbox.upload(b"", "empty")
    assert sandbox.download("empty") == b""
    assert sandbox.download("/root/empty") == b""


def test_what_cannot_be_done_is_said(sandbox: Sandbox) -> None:
    with pytest.raises(IOError, match="FileNotFoundError"):
        sandbox.download("/no/such/file")
    with pytest.raises(IOError, match="IsADirectoryError"):
        sandbox.upload(b"x", "/root")
    with pytest.raises(IOError, match="IsADirectoryError"):
        sandbox.download("/root")
    sandbox.upload(b"fine", "/root/after")
    assert sandbox.download("/root/after") == b"fine"
