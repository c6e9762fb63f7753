"""How a sandbox comes to be, and how it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from anyio.lowlevel import RunVar
    from typing_extensions import Self, Unpack

    from podflare._async.client import AsyncClient
    from podflare._async.sandbox import AsyncSandbox
    from podflare._options import Mount, NetworkPolicy, ResumeOptions, Secret
    from podflare.types import SandboxInfo

Name = tuple[str, "str | None", "str | None"]
_leases: RunVar[dict[Name, Lease]] | None = None


class Lease:
    """A client that the sandboxes of one event loop share; its last user closes it."""

    def __init__(self, client: AsyncClient, home: dict[Name, Lease], name: Name) -> None:
        self._client = client
        self._home = home
        self._name = name
        self._users = 0

    def take(self) -> None:
        self._users += 1

    async def give_back(self) -> None:
        self._users -= 1
        if self._users == 0:
            if self._home.get(self._name) is self:
                del self._home[self._name]
            await self._client.aclose()


def default_client(
    host: str | None, region: str | None, traceparent: str | None, api_key: str | None
) -> AsyncClient:
    """The client that sandboxes without one share in this event loop."""
    global _leases
    from anyio.lowlevel import RunVar

    from podflare._async.client import AsyncClient
    from podflare._config import find_host, find_key
    from podflare.regions import resolve_region

    if _leases is None:
        _leases = RunVar("podflare")
    home = _leases.get({})
    _leases.set(home)
    address = find_host(host or resolve_region(region))
    name = (address, find_key(api_key), traceparent)
    if name not in home:
        client = AsyncClient(address, traceparent=traceparent, api_key=api_key)
        client._lease = home[name] = Lease(client, home, name)
    return home[name]._client


class AsyncResume:
    """``AsyncSandbox.resume(space_id)`` goes on with a Space; ``sandbox.resume()`` wakes one."""

    @overload
    def __get__(
        self, sandbox: None, kind: type[AsyncSandbox]
    ) -> Callable[..., Awaitable[AsyncSandbox]]: ...

    @overload
    def __get__(
        self, sandbox: AsyncSandbox, kind: type[AsyncSandbox]
    ) -> Callable[[], Awaitable[SandboxInfo]]: ...

    def __get__(self, sandbox: Any, kind: Any) -> Callable[..., Any]:
        return kind._of_space if sandbox is None else sandbox.wake  # type: ignore[no-any-return]


class AsyncBirth:
    """Beginning and end of a sandbox. It is made by ``async with AsyncSandbox(…) as sandbox`` or
    ``sandbox = await AsyncSandbox(…)``, with the options of ``Sandbox``."""

    client: AsyncClient
    record: dict[str, Any] | None
    """The server's answer to the create; None of a handle that was made of an id."""
    resume = AsyncResume()
    _id: str | None
    _keep: bool
    _lease: Lease | None

    def __init__(
        self,
        *,
        template: str | None = None,
        region: str | None = None,
        host: str | None = None,
        client: AsyncClient | None = None,
        traceparent: str | None = None,
        api_key: str | None = None,
        timeout_seconds: int | None = None,
        idle_timeout_seconds: int | None = None,
        ram_mib: int | None = None,
        rootfs_gb: int | None = None,
        persistent: bool | None = None,
        egress: bool | None = None,
        vcpus: int | None = None,
        network: NetworkPolicy | None = None,
        env: dict[str, str] | None = None,
        metadata: dict[str, str] | None = None,
        snapshot: str | None = None,
        auto_resume: bool | None = None,
        undo: int | None = None,
        mounts: Sequence[Mount] | None = None,
        secrets: Sequence[Secret] | None = None,
    ) -> None:
        self._id = None
        self._keep = False
        self._lease = None
        self.record = None
        self._server = (client, (host, region, traceparent, api_key))
        self._options: dict[str, Any] = {
            "template": template,
            "timeout_seconds": timeout_seconds,
            "idle_timeout_seconds": idle_timeout_seconds,
            "ram_mib": ram_mib,
            "rootfs_gb": rootfs_gb,
            "persistent": persistent,
            "egress": egress,
            "vcpus": vcpus,
            "network": network,
            "env": env,
            "metadata": metadata,
            "snapshot": snapshot,
            "auto_resume": auto_resume,
            "undo": undo,
            "mounts": mounts,
            "secrets": secrets,
        }

    async def _created(self) -> Self:
        if self._id is None:
            client, where = self._server
            owner = client or default_client(*where)
            lease = owner._lease
            if lease is not None:  # else the last other user would close it meanwhile
                lease.take()
            try:
                record = await owner.create_record(**self._options)
                self._begin(owner.at(record.get("endpoint")), record["id"], record)
            finally:
                if lease is not None:
                    await lease.give_back()
        return self

    def _begin(self, client: AsyncClient, sandbox_id: str, record: dict[str, Any] | None) -> None:
        self.client = client
        self.record = record
        self._id = sandbox_id
        self._keep = False
        self._lease = client._lease
        if self._lease is not None:
            self._lease.take()

    @classmethod
    def of(cls, client: AsyncClient, sandbox_id: str, record: dict[str, Any] | None = None) -> Self:
        """A handle on a sandbox that exists; asks nothing of the server."""
        sandbox = cls.__new__(cls)
        sandbox._begin(client, sandbox_id, record)
        return sandbox

    @classmethod
    def connect(
        cls,
        sandbox_id: str,
        *,
        region: str | None = None,
        host: str | None = None,
        client: AsyncClient | None = None,
        api_key: str | None = None,
    ) -> Self:
        """A handle on a sandbox that exists; asks nothing of the server. Closing it deletes the
        sandbox. To be called in an event loop."""
        return cls.of(client or default_client(host, region, None, api_key), sandbox_id)

    @classmethod
    async def _of_space(
        cls,
        space_id: str,
        *,
        region: str | None = None,
        host: str | None = None,
        client: AsyncClient | None = None,
        traceparent: str | None = None,
        api_key: str | None = None,
        **options: Unpack[ResumeOptions],
    ) -> AsyncSandbox:
        owner = client or default_client(host, region, traceparent, api_key)
        return await owner.resume(space_id, **options)

    @property
    def id(self) -> str:
        if self._id is None:
            raise RuntimeError("not made yet: write `async with AsyncSandbox()` or `await` it")
        return self._id

    async def delete(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Deletes the sandbox, unless it was merged or frozen. Repeating it is no error."""
        if self._id is None:
            return
        lease, self._lease = self._lease, None
        try:
            if not self._keep:
                await self._delete_by(lease)
        finally:
            if lease is not None:
                await lease.give_back()

    async def _delete_by(self, lease: Lease | None) -> None:
        """Also when the shared client is closed already, as on repeat."""
        from podflare import errors

        try:
            await self.delete()
        except errors.NotConnected:
            if lease is not None or self.client._lease is None:
                raise

    close = aclose

    def __await__(self) -> Generator[Any, None, Self]:
        return self._created().__await__()

    async def __aenter__(self) -> Self:
        return await self._created()

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        from podflare import errors
        from podflare._async import runtime

        try:
            if isinstance(error, BaseException) and not isinstance(error, Exception):
                await runtime.in_any_case(
                    self.aclose, 10.0
                )  # cancelled: still leave nothing behind
            else:
                await self.aclose()
        except errors.PodflareError:
            if error is None:  # else that one tells more
                raise

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id or 'not made yet'}>"
