"""What the two forms do each in its own way."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

now = time.monotonic
sleep = time.sleep


def in_any_case(act: Callable[[], object], seconds: float) -> None:
    """Does something before an interrupt goes on; its failure is nothing. ``seconds`` binds the
    asynchronous form; here the act's own deadline does."""
    try:
        act()
    except Exception:
        return


def http_client(**options: object) -> httpx.Client:
    return httpx.Client(**options)  # type: ignore[arg-type]
