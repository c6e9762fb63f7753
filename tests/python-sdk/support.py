"""Words that several tests use."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from podflare import Sandbox

SECONDS = 120.0
Create = Callable[..., Sandbox]
T = TypeVar("T")


def eventually(look: Callable[[], T | None]) -> T:
    """Asks until there is an answer."""
    end = time.monotonic() + SECONDS
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
