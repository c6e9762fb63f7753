"""Sends requests, repeats what can be repeated, and turns whatever goes wrong into errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import httpx

from podflare import errors
from podflare._async import runtime
from podflare._async.lanes import AsyncLane, AsyncLanes
from podflare._config import Config, is_loopback
from podflare._patience import Patience, failure, refusal
from podflare._requests import Request

MAX_ANSWER_BYTES = 64 << 20
address = lru_cache(1024)(httpx.URL)  # taking one apart is a good part of a short call
DRAIN_SECONDS = 5.0


class AsyncBody:
    """An answer whose body is still to come. To be closed."""

    def __init__(
        self, response: httpx.Response, host: str, lanes: AsyncLanes, lane: AsyncLane
    ) -> None:
        self._response = response
        self._host = host
        self._lanes = lanes
        self._lane: AsyncLane | None = lane
        self._raw = response.aiter_raw()
        self.headers = response.headers
        self.status = response.status_code

    async def chunk(self) -> bytes:
        """The next bytes; none at the end."""
        try:
            return await anext(self._raw, b"")
        except httpx.TransportError as broken:
            raise failure(broken, self._host) from broken
        except httpx.StreamError as closed:  # by another thread or task
            raise errors.ConnectionBroken(f"the stream was closed: {closed}") from closed

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        while chunk := await self.chunk():
            yield chunk

    async def whole(self, patience: Patience) -> bytes:
        chunks, size = [], 0
        while chunk := await self.chunk():
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise errors.BadAnswer(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            if patience.over():
                raise errors.NoAnswerInTime(f"{self._host} takes too long to answer")
        return b"".join(chunks)

    async def drain(self) -> None:
        """Reads what is left, which is next to nothing, so that the connection stays usable."""
        end = runtime.now() + DRAIN_SECONDS
        try:
            while await self.chunk() and runtime.now() < end:
                pass
        except errors.PodflareError:
            return

    async def aclose(self) -> None:
        lane, self._lane = self._lane, None
        if lane is not None:
            self._lanes.give_back(lane)
        await self._response.aclose()


class AsyncTransport:
    """Connections to servers, kept and shared. Safe for many tasks or threads at once."""

    def __init__(self, config: Config, lanes: dict[str, AsyncLanes] | None = None) -> None:
        self.config = config
        self._lanes = {} if lanes is None else lanes
        self._headers = {"Accept-Encoding": "identity", **config.headers()}

    def at(self, host: str | None) -> AsyncTransport:
        """The same, for another address of the service."""
        if host is None or host.rstrip("/") == self.config.host:
            return self
        return AsyncTransport(replace(self.config, host=host.rstrip("/")), self._lanes)

    async def call(self, request: Request) -> Any:
        """Does a call to its end and returns the JSON of its answer; None if it is empty."""
        patience = self._patience(request)
        while True:
            try:
                silence = min(patience.remaining(), self.config.timeout)
                body = await self._send(request, patience, silence)
                try:
                    return _parse(await body.whole(patience), self.config.host)
                finally:
                    await body.aclose()
            except errors.PodflareError as error:
                pause = patience.pause(error, request.repeatable)
                if pause is None:
                    raise
            await runtime.sleep(pause)

    async def open(self, request: Request, silence: float | None = None) -> AsyncBody:
        """Begins a stream; the caller closes it. ``silence``: seconds for the next bytes."""
        patience = self._patience(request)
        while True:
            try:
                timeout = self.config.silence_timeout if silence is None else silence
                return await self._send(request, patience, timeout)
            except errors.PodflareError as error:
                pause = patience.pause(error, request.repeatable)
                if pause is None:
                    raise
            await runtime.sleep(pause)

    def _patience(self, request: Request) -> Patience:
        seconds = self.config.timeout if request.timeout is None else request.timeout
        return Patience(seconds, self.config.retries, runtime.now)

    async def _send(self, request: Request, patience: Patience, silence: float) -> AsyncBody:
        host = self.config.host
        remaining = patience.remaining()
        headers = {**self._headers, **request.headers}
        if request.json is not None:
            headers["Content-Type"] = "application/json"
        lanes = self._lanes_of(host)
        lane = lanes.take()
        try:
            built = lane.client.build_request(
                request.method,
                address(host + request.path),
                content=request.body(),
                headers=headers,
                timeout=httpx.Timeout(silence, connect=min(self.config.connect_timeout, remaining)),
            )
            response = await lane.client.send(built, stream=True)
        except BaseException as error:
            lanes.give_back(lane)
            if isinstance(error, httpx.TransportError):
                raise failure(error, host) from error
            if isinstance(error, RuntimeError) and lane.client.is_closed:
                # httpx has no class for it
                raise errors.NotConnected("this client is closed") from error
            raise
        body = AsyncBody(response, host, lanes, lane)
        if response.is_success:
            return body
        try:
            refused = await body.whole(patience)
        finally:
            await body.aclose()
        raise refusal(response, refused)

    def _lanes_of(self, host: str) -> AsyncLanes:
        secure = host.startswith("https:")
        near = is_loopback(host)
        name = f"{secure}{near}"
        lanes = self._lanes.get(name)
        if lanes is None:

            def client() -> httpx.AsyncClient:
                return runtime.http_client(
                    # A context without authorities is made quickly, and trusts nobody.
                    verify=True if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                    trust_env=not near,
                    limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
                )

            lanes = self._lanes.setdefault(name, AsyncLanes(client))
        return lanes

    async def aclose(self) -> None:
        """Ends all connections; streams that are being read break."""
        for lanes in list(self._lanes.values()):
            await lanes.aclose()


def _parse(body: bytes, host: str) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
