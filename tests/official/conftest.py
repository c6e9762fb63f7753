"""What the tests share: the server's address, sandboxes that are closed again, and a guard."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

LOOPBACK = ("127.0.0.1", "::1", "localhost")


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
    if host not in LOOPBACK:
        raise RuntimeError(f"a test tried to reach {host!r}; only loopback is allowed")


HOST = os.environ.get("PODFLARE_API_URL", "")
if urlsplit(HOST).hostname not in LOOPBACK:
    sys.exit("PODFLARE_API_URL must be a loopback address: start these tests with ./run")
sys.addaudithook(_only_loopback)

# Only now: the client reads its environment and its region cache when it is imported.
from podflare import Client, ExecResult, Sandbox, close_default_client

from support import Create


@pytest.fixture(scope="session")
def host() -> str:
    return HOST


@pytest.fixture(scope="session")
def other_key() -> str:
    return os.environ["OFFICIAL_OTHER_KEY"]


@pytest.fixture(scope="session", autouse=True)
def _connections() -> Iterator[None]:
    yield
    close_default_client()


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    client = Client(host=HOST)
    yield client
    client.close()


@pytest.fixture(scope="session", autouse=True)
def silent_call(host: str) -> Iterator[Future[tuple[ExecResult, float]]]:
    """A call of 35 s without output and its seconds; it passes beside the other tests."""

    def call(sandbox: Sandbox) -> tuple[ExecResult, float]:
        began = time.monotonic()
        result = sandbox.run_code("import time; time.sleep(35); print('awake')")
        return result, time.monotonic() - began

    # The sandbox is closed first, which ends a call that no test waited for.
    with ThreadPoolExecutor(1) as thread, Sandbox(host=host) as quiet:
        yield thread.submit(call, quiet)


@pytest.fixture
def create() -> Iterator[Create]:
    """Makes sandboxes that are closed after the test."""
    made: list[Sandbox] = []

    def one(**options: object) -> Sandbox:
        sandbox = Sandbox(host=HOST, **options)
        made.append(sandbox)
        return sandbox

    yield one
    for sandbox in made:
        sandbox.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One for all tests of a file that leave it usable."""
    with Sandbox(host=HOST) as sandbox:
        yield sandbox
