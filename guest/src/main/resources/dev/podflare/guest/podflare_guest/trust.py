"""Lets this machine's programs trust one more authority: that of the host's gate, which fills secrets in."""

import os
import re
import stat

FILE = "/usr/local/share/ca-certificates/podflare-gate.crt"
FOLDER = "/etc/ssl/certs"
BUNDLE = FOLDER + "/ca-certificates.crt"
MOST_BYTES = 16 << 20
HASH = re.compile(rb"[0-9a-f]{8}")


def trust(payload: bytes) -> None:
    """`payload`: the hash under which OpenSSL looks for the certificate, a newline, the certificate as PEM.

    An authority that was trusted so before, of another host perhaps, is not any more.
    """
    name, _, pem = payload.partition(b"\n")
    if not HASH.fullmatch(name) or not pem.startswith(b"-----BEGIN CERTIFICATE-----"):
        raise ValueError("no certificate")
    before = _read(FILE)
    bundle = _read(BUNDLE)
    others = bundle.replace(before, b"") if before and before != pem else bundle
    if pem not in others:
        gap = b"" if not others or others.endswith(b"\n") else b"\n"
        _write(BUNDLE, others + gap + pem)
    if before != pem:
        # Here update-ca-certificates finds it, when it writes the bundle anew.
        _write(FILE, pem)
    link = f"{FOLDER}/{name.decode()}.0"
    if not os.path.lexists(link):
        os.symlink(FILE, link)


def _read(path: str) -> bytes:
    """Empty if there is no such file. The user may have put anything there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    with open(fd, "rb") as file:
        state = os.fstat(fd)
        if not stat.S_ISREG(state.st_mode) or state.st_size > MOST_BYTES:
            raise ValueError(f"{path} is no file of certificates")
        return file.read()


def _write(path: str, content: bytes) -> None:
    """Whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    draft = path + ".podflare"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    with open(fd, "wb") as file:
        file.write(content)
    os.replace(draft, path)
