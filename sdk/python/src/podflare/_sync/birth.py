"""How a sandbox comes to be, and how it ends."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from podflare._options import Mount, NetworkPolicy, ResumeOptions, Secret
    from podflare._sync.client import Client
    from podflare._sync.sandbox import Sandbox
    from podflare.types import SandboxInfo

_lock = threading.Lock()
_closes_at_exit = False
_clients: dict[tuple[str, str | None, str | None], Client] = {}


def default_client(
    host: str | None, region: str | None, traceparent: str | None, api_key: str | None
) -> Client:
    """The client that sandboxes without one share; one for each address and key."""
    global _closes_at_exit
    from podflare._config import find_host, find_key
    from podflare._sync.client import Client
    from podflare.regions import resolve_region

    address = find_host(host or resolve_region(region))
    name = (address, find_key(api_key), traceparent)
    with _lock:
        client = _clients.get(name)
        if client is None:
            client = _clients[name] = Client(address, traceparent=traceparent, api_key=api_key)
            if not _closes_at_exit:
                _closes_at_exit = True
                atexit.register(close_default_client)
        return client


def close_default_client(*, clear_disk_cache: bool = False) -> None:
    """Ends the connections that sandboxes without a client share; the next one makes new ones.
    There is no cache on disk: ``clear_disk_cache`` is taken for programs that give it."""
    with _lock:
        clients = list(_clients.values())
        _clients.clear()
    for client in clients:
        client.close()


class Resume:
    """``Sandbox.resume(space_id)`` makes a sandbox of a Space; ``sandbox.resume()`` wakes one."""

    @overload
    def __get__(self, sandbox: None, kind: type[Sandbox]) -> Callable[..., Sandbox]: ...

    @overload
    def __get__(self, sandbox: Sandbox, kind: type[Sandbox]) -> Callable[[], SandboxInfo]: ...

    def __get__(self, sandbox: Any, kind: Any) -> Callable[..., Any]:
        return kind._of_space if sandbox is None else sandbox.wake  # type: ignore[no-any-return]


class Birth:
    """Beginning and end of a sandbox.

    :param template: else the server's default
    :param region: of a service that has several, see ``podflare.regions``
    :param host: address of the server, else the environment's, see ``Client``
    :param client: else one that is shared
    :param api_key: else ``PODFLARE_API_KEY``
    :param timeout_seconds: lifetime
    :param idle_timeout_seconds: ends the sandbox, or freezes a persistent one, when it was not used
        for so long
    :param persistent: frozen into a Space where another sandbox would be ended
    :param egress: False is short for a network of nothing
    :param network: what it may reach, see ``set_network``
    :param env: variables of every execution
    :param snapshot: go on where this was taken, by id or name
    :param auto_resume: calls wake it where it is paused or frozen; as ``persistent`` if left out
    :param undo: keep what it was before each of its last so many calls
    :param mounts: volumes that it has for its life, as ``{"volume": "data", "path": "/data"}``,
        with ``create`` to make one that there is not, and ``read_only``
    :param secrets: values that it uses in its requests and never has
    """

    client: Client
    record: dict[str, Any] | None
    """The server's answer to the create; None of a handle that was made of an id."""
    resume = Resume()
    _id: str
    _keep: bool

    def __init__(
        self,
        *,
        template: str | None = None,
        region: str | None = None,
        host: str | None = None,
        client: Client | None = None,
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
        owner = client or default_client(host, region, traceparent, api_key)
        record = owner.create_record(
            template=template,
            timeout_seconds=timeout_seconds,
            idle_timeout_seconds=idle_timeout_seconds,
            ram_mib=ram_mib,
            rootfs_gb=rootfs_gb,
            persistent=persistent,
            egress=egress,
            vcpus=vcpus,
            network=network,
            env=env,
            metadata=metadata,
            snapshot=snapshot,
            auto_resume=auto_resume,
            undo=undo,
            mounts=mounts,
            secrets=secrets,
        )
        self._begin(owner.at(record.get("endpoint")), record["id"], record)

    def _begin(self, client: Client, sandbox_id: str, record: dict[str, Any] | None) -> None:
        self.client = client
        self.record = record
        self._id = sandbox_id
        self._keep = False

    @classmethod
    def of(cls, client: Client, sandbox_id: str, record: dict[str, Any] | None = None) -> Self:
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
        client: Client | None = None,
        api_key: str | None = None,
    ) -> Self:
        """A handle on a sandbox that exists; asks nothing of the server. Closing it deletes the
        sandbox."""
        return cls.of(client or default_client(host, region, None, api_key), sandbox_id)

    @classmethod
    def _of_space(
        cls,
        space_id: str,
        *,
        region: str | None = None,
        host: str | None = None,
        client: Client | None = None,
        traceparent: str | None = None,
        api_key: str | None = None,
        **options: Unpack[ResumeOptions],
    ) -> Sandbox:
        owner = client or default_client(host, region, traceparent, api_key)
        return owner.resume(space_id, **options)

    @property
    def id(self) -> str:
        return self._id

    def delete(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Deletes the sandbox, unless it was merged or frozen. Repeating it is no error."""
        if not self._keep:
            self.delete()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        from podflare import errors

        try:
            self.close()
        except errors.PodflareError:
            if error is None:  # else that one tells more
                raise

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
