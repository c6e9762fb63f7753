"""What the tests share: the daemon, a browser, and sandboxes with a web application in them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from support import Api, Sandbox

API = Api(os.environ.get("PODFLARE_API_URL", ""), os.environ.get("PODFLARE_API_KEY", ""))
if urlsplit(API.base).hostname != "127.0.0.1":
    sys.exit("PODFLARE_API_URL must be a loopback address: start these tests with ./run")

WAIT_MILLISECONDS = 30_000

# Names below localhost are this machine's to a browser; no other name is looked up.
ONLY_LOOPBACK = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost"


@pytest.fixture(scope="session")
def domain() -> str:
    return os.environ["BROWSER_PORTS_DOMAIN"]


@pytest.fixture(scope="session")
def reports() -> Path:
    return Path(os.environ["PODFLARE_REPORTS"])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    arguments = ["--no-proxy-server", f"--host-resolver-rules={ONLY_LOOPBACK}"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's own does not start as root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ["BROWSER_EXECUTABLE"],
            args=arguments,
            timeout=WAIT_MILLISECONDS,
        )
        yield browser
        browser.close()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[[], BrowserContext]]:
    """Makes contexts, each with cookies of its own like a browser just installed."""
    made: list[BrowserContext] = []

    def one() -> BrowserContext:
        context = browser.new_context()
        context.set_default_timeout(WAIT_MILLISECONDS)
        made.append(context)
        return context

    yield one
    for context in made:
        context.close()


@pytest.fixture
def page(new_context: Callable[[], BrowserContext]) -> Page:
    return new_context().new_page()


@pytest.fixture
def create() -> Iterator[Callable[[], Sandbox]]:
    """Makes sandboxes that serve the application; they are deleted after the test."""
    made: list[Sandbox] = []

    def one() -> Sandbox:
        sandbox = API.create()
        made.append(sandbox)
        sandbox.start_application()
        return sandbox

    yield one
    for sandbox in made:
        with contextlib.suppress(HTTPError):  # the test has deleted it already
            sandbox.delete()


@pytest.fixture
def sandbox(create: Callable[[], Sandbox]) -> Sandbox:
    return create()
