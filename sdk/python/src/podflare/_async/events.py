"""What happens to sandboxes, and where it is told: the stream of events and webhooks; keys."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator
from typing import Any

from podflare import errors
from podflare._async import runtime
from podflare._async.transport import AsyncTransport
from podflare._folds import Sse
from podflare._patience import JoinPatience
from podflare._records import read, read_all
from podflare._requests import create, delete, get, given, segment
from podflare.types import KeyInfo, LifecycleEvent, WebhookInfo


async def follow(
    transport: AsyncTransport, after: int | None, following: bool
) -> AsyncGenerator[LifecycleEvent, None]:
    """Each event once, in order, over as many connections as it takes."""
    patience = JoinPatience(transport.config.timeout, runtime.now)
    while True:
        try:
            request = get("/v1/events", {"after": after, "follow": following})
            body = await transport.open(request)
            frames = Sse()
            try:
                while chunk := await body.chunk():
                    patience.heard(True)
                    for number, event in frames.feed(chunk):
                        after = number
                        if event is not None:
                            yield event
            finally:
                await body.aclose()
            if not following:
                return
            raise errors.ConnectionBroken("the stream of events ended")
        except (errors.Unreachable, errors.NoAnswerInTime, errors.ApiError) as cut:
            pause = patience.pause(cut)
            if pause is None or not following:
                raise
        await runtime.sleep(pause)


class AsyncWebhooks:
    """Addresses that events are sent to, signed."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self, url: str, *, types: builtins.list[str] | None = None, secret: str | None = None
    ) -> WebhookInfo:
        """``secret`` of the answer is told this once."""
        request = create("/v1/webhooks", given(url=url, types=types, secret=secret))
        return read(WebhookInfo, await self._transport.call(request))

    async def list(self) -> builtins.list[WebhookInfo]:
        return read_all(WebhookInfo, await self._transport.call(get("/v1/webhooks")), "webhooks")

    async def get(self, webhook_id: str) -> WebhookInfo:
        path = f"/v1/webhooks/{segment(webhook_id)}"
        return read(WebhookInfo, await self._transport.call(get(path)))

    async def delete(self, webhook_id: str) -> None:
        await self._transport.call(delete(f"/v1/webhooks/{segment(webhook_id)}"))


class AsyncKeys:
    """API keys; for admin keys only."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        name: str,
        *,
        admin: bool | None = None,
        scopes: builtins.list[str] | None = None,
        limits: dict[str, Any] | None = None,
    ) -> KeyInfo:
        """``key`` of the answer is told this once. ``scopes``: of ``read``, ``write``, ``exec``."""
        body = given(name=name, admin=admin, scopes=scopes, limits=limits)
        return read(KeyInfo, await self._transport.call(create("/v1/keys", body)))

    async def list(self) -> builtins.list[KeyInfo]:
        return read_all(KeyInfo, await self._transport.call(get("/v1/keys")), "keys")

    async def delete(self, key_id: str) -> None:
        await self._transport.call(delete(f"/v1/keys/{segment(key_id)}"))
