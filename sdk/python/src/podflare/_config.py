"""Where the server is, who asks, and how long to wait. All of it can be said by the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

DEFAULT_HOST = "http://127.0.0.1:8787"
ADDRESSES = ("PODFLARE_API_URL", "PODFLARE_HOSTD_URL", "PODFLARE_HOST")
KEY = "PODFLARE_API_KEY"


@dataclass(frozen=True)
class Config:
    """Settings of a client. Times are seconds."""

    host: str
    """Address of the server, without the API's ``/v1``."""
    api_key: str | None = field(default=None, repr=False)
    traceparent: str | None = None
    timeout: float = 120.0
    """For a call that is no stream, with all its repetitions, and for a stream's first byte; also
    how long a stream that was cut is tried to be joined again. A running stream has no limit."""
    connect_timeout: float = 10.0
    silence_timeout: float = 30.0
    """For the next byte of a stream. The server sends one every 10 s."""
    retries: int = 2
    """How often a call that can be repeated is repeated after a broken connection."""
    max_output_bytes: int = 64 << 20
    """Most bytes of an execution's stdout, and of its stderr, that a result keeps."""

    def headers(self) -> dict[str, str]:
        headers = {}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        if self.traceparent:
            headers["traceparent"] = self.traceparent
        return headers


def find_host(host: str | None, environment: Mapping[str, str] | None = None) -> str:
    """The given address, else the first of ``ADDRESSES`` that is set, else this machine."""
    env = os.environ if environment is None else environment
    candidates = [host, *(env.get(name) for name in ADDRESSES)]
    found = next((text.strip() for text in candidates if text and text.strip()), DEFAULT_HOST)
    address = (found if "://" in found else f"http://{found}").rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not the address of a server: {found!r}; write http://HOST:PORT")
    return address


def find_key(api_key: str | None, environment: Mapping[str, str] | None = None) -> str | None:
    env = os.environ if environment is None else environment
    return (api_key or env.get(KEY, "")).strip() or None


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine; no proxy leads there."""
    name = urlsplit(host).hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
