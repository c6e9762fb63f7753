"""Waits that the server does, for longer than one request may be silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podflare import errors
from podflare._async import runtime
from podflare._async.transport import AsyncTransport
from podflare._patience import JoinPatience
from podflare._requests import post

PIECE_SECONDS = 20.0


async def waited(
    transport: AsyncTransport,
    path: str,
    body: dict[str, Any],
    seconds: float | None,
    done: Callable[[Any], bool] = lambda answer: True,
) -> Any:
    """Asks piece by piece until an answer is the one that is waited for; when the time is over, the
    last answer, or ``TimedOut`` if that was it. A connection that breaks meanwhile is made again.
    """
    patience = JoinPatience(transport.config.timeout, runtime.now)
    longest = min(PIECE_SECONDS, transport.config.timeout / 2)
    end = None if seconds is None else runtime.now() + seconds
    while True:
        left = longest if end is None else max(0.0, end - runtime.now())
        piece = min(left, longest)
        last = end is not None and left <= longest
        try:
            request = post(path, {**body, "timeout_ms": int(piece * 1000)})
            answer = await transport.call(request)
            if last or done(answer):
                return answer
            patience.heard(True)
        except errors.TimedOut:
            if last:
                raise
            patience.heard(True)
        except (errors.Unreachable, errors.NoAnswerInTime, errors.ApiError) as cut:
            pause = patience.pause(cut)
            if pause is None or (end is not None and runtime.now() + pause > end):
                raise
            await runtime.sleep(pause)
