"""What the tests share: the server's address, sandboxes that are closed again, and a guard."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

LOOPBACK = ("127.0.0.1", "::1", "localhost", "")


def _only_loopback(event: str, arguments: tuple[object, ...]) -> None:
    """Refuses what would leave this machine; audit hooks see every library."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else LOOPBACK[0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if host is not None and host not in LOOPBACK:
        raise RuntimeError(f"a test tried to reach {host!r}; only loopback is allowed")


HOST = os.environ.get("PODFLARE_API_URL", "")
if urlsplit(HOST).hostname not in LOOPBACK[:3]:
    sys.exit("PODFLARE_API_URL must be a loopback address: start these tests with ./run")
sys.addaudithook(_only_loopback)

from podflare import Client, Sandbox, close_default_client  # noqa: E402
from support import Create  # noqa: E402


@pytest.fixture(scope="session")
def host() -> str:
    return HOST


@pytest.fixture(scope="session", autouse=True)
def _connections() -> Iterator[None]:
    yield
    close_default_client()


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    with Client(HOST) as client:
        yield client


@pytest.fixture
def create(client: Client) -> Iterator[Create]:
    """Makes sandboxes that are closed after the test."""
    made: list[Sandbox] = []

    def one(**options: object) -> Sandbox:
        sandbox = Sandbox(client=client, **options)  # type: ignore[arg-type]
        made.append(sandbox)
        return sandbox

    yield one
    for sandbox in made:
        sandbox.close()


@pytest.fixture(scope="session")
def box(client: Client) -> Iterator[Sandbox]:
    """One for all tests that leave it usable."""
    with Sandbox(client=client, timeout_seconds=7200, idle_timeout_seconds=7200) as sandbox:
        yield sandbox
