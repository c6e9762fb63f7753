"""Forks a sandbox and runs code in every child."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podflare import errors
from podflare._async.transport import AsyncTransport
from podflare._folds import FanOutFold, Objects
from podflare._requests import Request
from podflare.types import Event, ExecResult, Winner


async def run(
    transport: AsyncTransport,
    path: str,
    body: dict[str, Any],
    on_event: Callable[[int, Event], object] | None,
) -> tuple[list[str], list[ExecResult | None], Winner | None]:
    """Ids of the children that live on, results, winner. A stream that is cut cannot be joined
    again, since the server ends the children then: ``ConnectionBroken``."""
    fold = FanOutFold(transport.config.max_output_bytes, on_event)
    answer = await transport.open(Request("POST", f"{path}/fanout", json=body))
    objects = Objects()
    try:
        while chunk := await answer.chunk():
            for line in objects.feed(chunk):
                if fold.take(line):
                    await answer.drain()
                    return fold.children, fold.results, fold.winner
    finally:
        await answer.aclose()
    raise errors.ConnectionBroken("the fan-out ended early; its children are closed")
