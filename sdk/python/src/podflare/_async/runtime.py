"""What the two forms do each in its own way."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio
import httpx

now = time.monotonic


async def sleep(seconds: float) -> None:
    await anyio.sleep(seconds)


async def in_any_case(act: Callable[[], Awaitable[object]], seconds: float) -> None:
    """Does something before a cancellation goes on, for so long at most; its failure is nothing."""
    with anyio.move_on_after(seconds, shield=True):
        try:
            await act()
        except Exception:
            return


def http_client(**options: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(**options)  # type: ignore[arg-type]
