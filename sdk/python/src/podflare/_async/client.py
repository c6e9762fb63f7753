"""A server, as its client sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from podflare import _requests as requests
from podflare._async.official import AsyncOfficialCalls
from podflare._config import Config, find_host, find_key
from podflare._records import read, read_all

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from podflare._async.events import AsyncKeys, AsyncWebhooks
    from podflare._async.sandbox import AsyncSandbox
    from podflare._async.saved import AsyncSnapshots, AsyncSpaces
    from podflare._async.transport import AsyncTransport
    from podflare._async.volumes import AsyncVolumes
    from podflare._options import CreateOptions, ResumeOptions
    from podflare.types import Capacity, LifecycleEvent, SandboxInfo, ServerInfo


class AsyncClient(AsyncOfficialCalls):
    """A server and the connections to it, for any number of sandboxes at once.

    :param host: address of the server; else ``PODFLARE_API_URL``, ``PODFLARE_HOSTD_URL`` or
        ``PODFLARE_HOST``, else ``http://127.0.0.1:8787``
    :param timeout: seconds for a call that is no stream, with all its repetitions; also how long a
        stream that was cut is tried to be joined again. A running stream has no limit.
    :param api_key: else ``PODFLARE_API_KEY``
    :param connect_timeout: seconds for a connection
    :param silence_timeout: seconds for the next byte of a stream; the server sends one every 10 s
    :param retries: how often a call that can be repeated is repeated after a broken connection
    :param max_output_bytes: most bytes of stdout, and of stderr, that a result keeps

    Repeated is what does no harm twice: reads, deletes, and what makes something under an
    idempotency key. ``429`` and ``503`` are waited for as ``Retry-After`` says, if that is within
    the timeout.
    """

    def __init__(
        self,
        host: str | None = None,
        timeout: float = Config.timeout,
        traceparent: str | None = None,
        api_key: str | None = None,
        *,
        connect_timeout: float = Config.connect_timeout,
        silence_timeout: float = Config.silence_timeout,
        retries: int = Config.retries,
        max_output_bytes: int = Config.max_output_bytes,
    ) -> None:
        self.config = Config(
            host=find_host(host),
            api_key=find_key(api_key),
            traceparent=traceparent,
            timeout=timeout,
            connect_timeout=connect_timeout,
            silence_timeout=silence_timeout,
            retries=retries,
            max_output_bytes=max_output_bytes,
        )

    @property
    def host(self) -> str:
        return self.config.host

    @cached_property
    def _transport(self) -> AsyncTransport:
        from podflare._async.transport import AsyncTransport

        return AsyncTransport(self.config)

    def at(self, host: str | None) -> AsyncClient:
        """The same client for another address of the service; they share connections."""
        if host is None or host.rstrip("/") == self.host:
            return self
        other = AsyncClient.__new__(AsyncClient)
        other.config = replace(self.config, host=find_host(host))
        other._lease = self._lease
        other._transport = self._transport.at(other.host)
        return other

    async def create(self, **options: Unpack[CreateOptions]) -> AsyncSandbox:
        """A new sandbox, ready to run code."""
        record = await self.create_record(**options)
        return self._born(record)

    async def create_record(self, **options: Unpack[CreateOptions]) -> dict[str, Any]:
        """As ``create``; the server's answer: the record, ``source`` and ``timings_ms``."""
        request = requests.create("/v1/sandboxes", requests.given(**options))
        return _record(await self._transport.call(request))

    async def resume(self, space_id: str, **options: Unpack[ResumeOptions]) -> AsyncSandbox:
        """Goes on with a Space as a new sandbox; the Space is used up, unless ``keep``."""
        return self._born(await self.resume_record(space_id, **options))

    async def resume_record(
        self, space_id: str, **options: Unpack[ResumeOptions]
    ) -> dict[str, Any]:
        path = f"/v1/spaces/{requests.segment(space_id)}/resume"
        request = requests.create(path, requests.given(**options))
        return _record(await self._transport.call(request))

    def _born(self, record: dict[str, Any]) -> AsyncSandbox:
        from podflare._async.sandbox import AsyncSandbox

        return AsyncSandbox.of(self.at(record.get("endpoint")), record["id"], record)

    def sandbox(self, sandbox_id: str) -> AsyncSandbox:
        """A handle on a sandbox that exists already; asks nothing of the server."""
        from podflare._async.sandbox import AsyncSandbox

        return AsyncSandbox.of(self, sandbox_id)

    async def sandboxes(
        self,
        *,
        state: str | None = None,
        template: str | None = None,
        metadata: dict[str, str] | None = None,
    ) -> AsyncGenerator[SandboxInfo, None]:
        """Live sandboxes of this key, in order of creation; of an admin key: all."""
        from podflare.types import SandboxInfo

        params: dict[str, object] = {"state": state, "template": template, "limit": 1000}
        params.update({f"metadata.{name}": value for name, value in (metadata or {}).items()})
        while True:
            page = await self._transport.call(requests.get("/v1/sandboxes", params))
            for info in read_all(SandboxInfo, page, "sandboxes"):
                yield info
            if page.get("next_cursor") is None:
                return
            params["cursor"] = page["next_cursor"]

    @property
    def spaces(self) -> AsyncSpaces:
        """Frozen sandboxes."""
        from podflare._async.saved import AsyncSpaces

        return AsyncSpaces(self, self._transport)

    @property
    def snapshots(self) -> AsyncSnapshots:
        """Copies of sandboxes, to go on from."""
        from podflare._async.saved import AsyncSnapshots

        return AsyncSnapshots(self._transport)

    @property
    def volumes(self) -> AsyncVolumes:
        """Folders that many sandboxes mount at once."""
        from podflare._async.volumes import AsyncVolumes

        return AsyncVolumes(self._transport)

    @property
    def webhooks(self) -> AsyncWebhooks:
        from podflare._async.events import AsyncWebhooks

        return AsyncWebhooks(self._transport)

    @property
    def keys(self) -> AsyncKeys:
        from podflare._async.events import AsyncKeys

        return AsyncKeys(self._transport)

    async def events(
        self, *, after: int | None = None, follow: bool = True
    ) -> AsyncGenerator[LifecycleEvent, None]:
        """What happens to this key's sandboxes and snapshots, each event once; of an admin key: to
        all. A connection that breaks is made again.

        :param after: goes on after the event with this ``id``; 0 begins with the oldest that is
            kept, None now
        :param follow: False ends when all that there is was given
        :raises podflare.errors.EventsGone: events were missed that are not kept any more
        """
        from podflare._async import events

        async for event in events.follow(self._transport, after, follow):
            yield event

    async def info(self) -> ServerInfo:
        """What the server is, its defaults and its limits."""
        from podflare.types import ServerInfo

        return read(ServerInfo, await self._transport.call(requests.get("/v1/info")))

    async def capacity(self) -> Capacity:
        """Pools and room."""
        from podflare.types import Capacity

        return read(Capacity, await self._transport.call(requests.get("/v1/capacity")))

    async def healthz(self) -> bool:
        """Whether a server answers; needs no key."""
        from podflare import errors

        request = requests.get("/v1/healthz")
        request.repeatable = False
        try:
            await self._transport.call(request)
        except errors.PodflareError:
            return False
        return True

    async def aclose(self) -> None:
        """Ends all connections. Sandboxes live on."""
        if "_transport" in self.__dict__:
            await self._transport.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.aclose()


def _record(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        from podflare.errors import BadAnswer

        raise BadAnswer(f"no sandbox in the answer: {str(answer)[:200]}")
    return answer
