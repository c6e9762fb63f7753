"""What calls give back: events, results and the server's records. All are dataclasses.

Times are ``datetime`` in UTC, sizes are bytes unless a name says otherwise.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from podflare._records import made, optional_time, read, read_all, time_field

if TYPE_CHECKING:
    from podflare._async.sandbox import AsyncSandbox
    from podflare._sync.sandbox import Sandbox

Language = Literal["python", "bash"]
EventType = Literal["stdout", "stderr", "exit", "started", "result", "exception", "skipped"]

CHART = "application/vnd.podflare.chart+json"


@dataclass(frozen=True)
class Event:
    """One event of an execution.

    ``data`` is text of ``stdout`` and ``stderr``, the exit code of ``exit``, the execution's id of
    ``started``, mime type to value of ``result``, a description of ``exception``. Only the
    ``chunks`` framing has the last three; with ``lines`` an event is one line without its newline.
    Only the log of a process has ``skipped``: so many events from ``seq`` on are not kept.
    """

    type: str
    data: Any
    seq: int
    ts: int
    """Milliseconds since 1970, by the host's clock."""
    raw: bytes | None = field(default=None, compare=False, repr=False)
    """The bytes of output that is no UTF-8; ``data`` is an approximation then."""
    exec_id: str | None = field(default=None, compare=False, repr=False)
    reason: str | None = field(default=None, compare=False, repr=False)
    """Of ``exit``, see ``ExecResult.reason``."""
    kind: str | None = field(default=None, compare=False, repr=False)
    """Of ``result``: ``value``, ``display``, ``update`` or ``clear``."""
    display_id: str | None = field(default=None, compare=False, repr=False)

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Event:
        raw = base64.b64decode(obj["data_b64"]) if "data_b64" in obj else None
        return cls(
            type=obj["type"],
            data=obj["data"] if raw is None else raw.decode("utf-8", "replace"),
            seq=obj["seq"],
            ts=obj["ts"],
            raw=raw,
            exec_id=obj.get("exec_id"),
            reason=obj.get("reason"),
            kind=obj.get("kind"),
            display_id=obj.get("display_id"),
        )


@dataclass(frozen=True)
class Result:
    """One value that code showed: that of its last expression, or a display on the way.

    Shows itself in Jupyter in the best form that it has.
    """

    data: Mapping[str, Any]
    """Mime type to value: text, base64 of binary ones, JSON of ``…json`` ones."""
    kind: str = "value"
    display_id: str | None = None

    @property
    def text(self) -> str | None:
        return self._text("text/plain")

    @property
    def html(self) -> str | None:
        return self._text("text/html")

    @property
    def markdown(self) -> str | None:
        return self._text("text/markdown")

    @property
    def svg(self) -> str | None:
        return self._text("image/svg+xml")

    @property
    def png(self) -> bytes | None:
        """A figure."""
        return self._binary("image/png")

    @property
    def jpeg(self) -> bytes | None:
        return self._binary("image/jpeg")

    @property
    def json(self) -> Any:
        """Of a table its records."""
        return self.data.get("application/json")

    @property
    def chart(self) -> dict[str, Any] | None:
        """A figure as data: axes, series and labels."""
        value = self.data.get(CHART)
        return value if isinstance(value, dict) else None

    def _text(self, mime: str) -> str | None:
        value = self.data.get(mime)
        return value if isinstance(value, str) else None

    def _binary(self, mime: str) -> bytes | None:
        value = self.data.get(mime)
        return base64.b64decode(value) if isinstance(value, str) else None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            mime: value
            for mime, value in self.data.items()
            if (not include or mime in include) and mime not in (exclude or ())
        }

    def __repr__(self) -> str:
        return f"Result({self.text if self.text is not None else ', '.join(self.data)})"


@dataclass(frozen=True)
class Frame:
    """One call of a traceback."""

    file: str = ""
    line: int = 0
    function: str = ""
    source: str = ""


@dataclass(frozen=True)
class CodeException:
    """What ended Python code that failed. Its traceback is in stderr too."""

    name: str = ""
    value: str = ""
    frames: list[Frame] = made(lambda rows: read_all(Frame, rows), default_factory=list)
    """Outermost first, the last 50."""


@dataclass(frozen=True)
class ExecResult:
    """How an execution went. Equal if output and exit code are."""

    stdout: str
    """Without the newline at its end."""
    stderr: str
    """Without the newline at its end."""
    exit_code: int
    """0 when all went well; 1 uncaught exception, 124 timeout, 130 cancelled, 128 + n signal n."""
    reason: str = field(default="exited", compare=False, repr=False)
    """``exited``, ``timeout``, ``cancelled``, ``crashed``, ``out_of_memory`` or
    ``sandbox_closed``."""
    exec_id: str = field(default="", compare=False, repr=False)
    results: list[Result] = field(default_factory=list, compare=False, repr=False)
    """What the code showed, in order, as a notebook would have it in the end."""
    exception: CodeException | None = field(default=None, compare=False, repr=False)
    truncated: bool = field(default=False, compare=False, repr=False)
    """Whether something was left out: output beyond the client's ``max_output_bytes``, or what the
    server did not keep while the connection was away."""
    stdout_bytes: bytes = field(default=b"", compare=False, repr=False)
    """Exactly what was written."""
    stderr_bytes: bytes = field(default=b"", compare=False, repr=False)

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @property
    def value(self) -> Result | None:
        """Of the last expression."""
        return next((one for one in reversed(self.results) if one.kind == "value"), None)

    @property
    def figures(self) -> list[bytes]:
        """Pictures as PNG."""
        return [png for png in (one.png for one in self.results) if png is not None]

    @property
    def charts(self) -> list[dict[str, Any]]:
        """Figures as data."""
        return [chart for chart in (one.chart for one in self.results) if chart is not None]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if self.results and self.ok:
            return self.results[-1]._repr_mimebundle_(include, exclude)
        return {"text/plain": "\n".join(part for part in (self.stdout, self.stderr) if part)}


@dataclass(frozen=True)
class Undo:
    keep: int
    """Most calls that can be undone."""
    available: int
    """Calls that can be undone now."""


@dataclass(frozen=True)
class Policy:
    """What a guest may reach."""

    default: str
    """``allow`` or ``deny``."""
    allow: list[str] = field(default_factory=list)
    deny: list[str] = field(default_factory=list)
    dns: str = "on"


@dataclass(frozen=True)
class Mount:
    """A volume in a sandbox."""

    volume: str
    """Its name."""
    volume_id: str
    path: str
    read_only: bool


@dataclass(frozen=True)
class SandboxInfo:
    """The whole record of a sandbox."""

    id: str
    state: str
    """``ready``, ``paused``, ``frozen`` (or ``creating``, ``closed``)."""
    template: str
    vcpus: int
    ram_mib: int
    rootfs_gb: int
    persistent: bool
    auto_resume: bool
    egress: bool
    networked: bool
    network: Policy = made(lambda data: read(Policy, data))
    created_at: datetime = time_field()
    expires_at: datetime = time_field()
    last_active_at: datetime = time_field()
    timeout_seconds: int = 0
    idle_timeout_seconds: int = 0
    own_memory_bytes: int = 0
    disk_bytes: int = 0
    undo: Undo | None = made(lambda data: read(Undo, data), default=None)
    mounts: list[Mount] = made(lambda rows: read_all(Mount, rows), default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    parent: str | None = None


@dataclass(frozen=True)
class FamilyMember:
    """A sandbox in the tree of forks."""

    id: str
    parent: str | None
    state: str
    created_at: datetime = time_field()
    closed_at: datetime | None = optional_time()
    close_reason: str | None = None
    own_memory_bytes: int = 0


@dataclass(frozen=True)
class FileChange:
    """A file that differs between two sandboxes."""

    path: str
    type: str
    size: int
    mode: str
    sha256: str | None = None
    patch: str | None = None
    """Unified; of text files, with ``content=True``."""


class Diff(dict[str, list[str]]):
    """What another sandbox's files have that this one's have not.

    A dict of ``added``, ``removed`` and ``modified`` with the paths of files; the attributes of
    these names have all changes, of folders and links too, as ``FileChange``.
    """

    def __init__(
        self, added: list[FileChange], removed: list[FileChange], modified: list[FileChange]
    ) -> None:
        self.added, self.removed, self.modified = added, removed, modified
        kinds = {"added": added, "removed": removed, "modified": modified}
        super().__init__(
            (kind, [one.path for one in changes if one.type == "file"])
            for kind, changes in kinds.items()
        )

    @classmethod
    def from_json(cls, data: object) -> Diff:
        kinds = ("added", "removed", "modified")
        return cls(*(read_all(FileChange, data, kind) for kind in kinds))


@dataclass(frozen=True)
class Winner:
    """The child of a fan-out whose state the sandbox has now."""

    index: int
    sandbox_id: str
    """The id that it had."""
    value: float | None = None
    """What it printed last, if a number decided."""


@dataclass(frozen=True)
class FanOut:
    """How a fan-out went."""

    children: list[Sandbox]
    """Those that live on."""
    results: list[ExecResult | None]
    """Of each child's call, in order; None of a call that was not waited for."""
    winner: Winner | None


@dataclass(frozen=True)
class AsyncFanOut:
    """How a fan-out went."""

    children: list[AsyncSandbox]
    results: list[ExecResult | None]
    winner: Winner | None


@dataclass(frozen=True)
class ExecutionInfo:
    """An execution, running or not."""

    id: str
    language: str
    framing: str
    state: str
    """``queued``, ``running``, ``ended``."""
    created_at: datetime = time_field()
    started_at: datetime | None = optional_time()
    ended_at: datetime | None = optional_time()
    exit_code: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ContextInfo:
    """An interpreter beside the first one."""

    context_id: str
    language: str
    cwd: str
    busy: bool
    created_at: datetime = time_field()


@dataclass(frozen=True)
class ProcessInfo:
    """A program that was started, running or not."""

    process_id: str
    name: str | None
    pid: int
    """In the guest."""
    command: str
    state: str
    """``running``, ``ended``."""
    started_at: datetime = time_field()
    ended_at: datetime | None = optional_time()
    exit_code: int | None = None
    """128 + n of one that signal n ended."""
    reason: str | None = None
    """``exited``, ``cancelled`` by ``end()``, ``timeout`` by its own limit, ``sandbox_closed``."""
    stdin_open: bool = False
    keeps_awake: bool = True
    first_seq: int = 0
    """Number of the oldest event of its log that is kept."""
    next_seq: int = 0
    """Number of the event that comes next."""


@dataclass(frozen=True)
class GuestProcessInfo:
    """A process of the guest's kernel, by the guest's word."""

    pid: int
    ppid: int
    uid: int
    state: str
    """The kernel's letter: ``R``, ``S``, ``D``, ``T``, ``Z``."""
    cpu_ms: int
    resident_bytes: int
    command: str
    process_id: str | None = None
    """Of the started process whose first one it is."""


@dataclass(frozen=True)
class GuestProcesses:
    """All that run in the guest."""

    processes: list[GuestProcessInfo] = made(
        lambda rows: read_all(GuestProcessInfo, rows), name="guest"
    )
    truncated: bool = False
    """Whether there are more."""


@dataclass(frozen=True)
class OpenPort:
    """A port of the guest that something listens on."""

    port: int
    addresses: list[str]
    """Of the guest; ``0.0.0.0`` and ``::`` are all of them."""
    reachable: bool
    """Whether it is reached from outside; not if it listens on loopback only."""


@dataclass(frozen=True)
class LogLine:
    """A line of a process's log that was waited for."""

    seq: int
    """Number of the event in which it ends."""
    stream: str
    """``stdout`` or ``stderr``."""
    line: str
    groups: list[str]
    """What the groups of the pattern have matched."""


@dataclass(frozen=True)
class SecretInfo:
    """A value that a sandbox uses and never has."""

    name: str
    hosts: list[str]
    placeholder: str
    """What programs of the sandbox have in its place."""
    uses: int
    """Requests that got it, since the sandbox has its present machine."""
    refused: int
    """Requests to its hosts that were not passed on."""
    created_at: datetime = time_field()
    changed_at: datetime = time_field()
    last_used_at: datetime | None = optional_time()
    header: str | None = None
    """Field that it goes into; or it has ``query``."""
    query: str | None = None


@dataclass(frozen=True)
class ClonedRepository:
    """A repository that was cloned into a sandbox."""

    path: str
    commit: str
    branch: str | None
    """None at a tag or commit."""


@dataclass(frozen=True)
class VolumeInfo:
    """A folder that many sandboxes mount at once, and that outlives them."""

    id: str
    name: str
    node: str
    """That has what is in it."""
    bytes: int | None
    """Sum of its files' sizes; None where another node was asked."""
    files: int | None
    """Files, folders and links."""
    max_bytes: int
    mounted_in: list[str]
    """Sandboxes that have it, frozen ones too."""
    created_at: datetime = time_field()


@dataclass(frozen=True)
class FileEntry:
    """A file, folder or link, by the guest's word."""

    name: str
    path: str
    type: str
    """``file``, ``directory``, ``link``, ``other``."""
    size: int
    mode: str
    uid: int
    gid: int
    owner: str
    etag: str
    mtime: datetime = time_field()
    target: str | None = None
    name_b64: str | None = None
    path_b64: str | None = None
    target_b64: str | None = None


@dataclass(frozen=True)
class WrittenFile:
    path: str
    size: int
    complete: bool = True
    sha256: str | None = None
    path_b64: str | None = None


@dataclass(frozen=True)
class Unpacked:
    """An archive that was unpacked."""

    path: str
    entries: int
    size: int
    path_b64: str | None = None


@dataclass(frozen=True)
class WatchedChange:
    """``type`` is ``created``, ``modified``, ``written``, ``attributes``, ``deleted``,
    ``moved_from``, ``moved_to``, ``overflow`` (changes were lost) or ``gone``."""

    type: str
    path: str
    directory: bool = False
    cookie: int | None = None
    path_b64: str | None = None


@dataclass(frozen=True)
class PtySessionInfo:
    """A terminal."""

    pty_id: str
    cmd_label: str
    created_at_ms: int
    exit_code: int | None = None
    """None while it runs."""
    cols: int = field(default=80, compare=False, repr=False)
    rows: int = field(default=24, compare=False, repr=False)


@dataclass(frozen=True)
class TerminalRead:
    """Output of a terminal from a byte on."""

    data: bytes = made(base64.b64decode, default=b"", name="data_b64")
    next_seq: int = 0
    exit_code: int | None = None
    """Once the program has ended and all was read."""
    truncated: bool = False
    """Whether bytes before ``data`` are not kept any more."""


@dataclass(frozen=True)
class Refusal:
    """A connection or name that was refused to a guest."""

    protocol: str
    name: str | None
    address: str | None
    port: int | None
    rule: str
    time: datetime = time_field()


@dataclass(frozen=True)
class NetworkInfo:
    """The policy in force, what was moved and what was refused."""

    default: str
    allow: list[str]
    deny: list[str]
    dns: str
    networked: bool = True
    bytes_sent: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    packets_received: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    """Packets by reason."""
    last_refused: list[Refusal] = made(lambda rows: read_all(Refusal, rows), default_factory=list)
    """The last 100, newest first."""


@dataclass(frozen=True)
class PortLink:
    """A link to a port that needs no key."""

    url: str
    token: str
    expires_at: datetime = time_field()


@dataclass(frozen=True)
class SpaceInfo:
    """A frozen sandbox."""

    id: str
    sandbox_id: str
    template: str
    vcpus: int
    ram_mib: int
    rootfs_gb: int
    own_bytes: int
    stored_bytes: int
    created_at: datetime = time_field()
    expires_at: datetime | None = optional_time()
    metadata: dict[str, str] = field(default_factory=dict)
    any_node: bool = False
    """Whether every node that shares the store can go on with it."""


@dataclass(frozen=True)
class SnapshotInfo(SpaceInfo):
    """A copy of a sandbox, to go on from."""

    name: str | None = None


@dataclass(frozen=True)
class LifecycleEvent:
    """What happened to a sandbox or a snapshot."""

    type: str
    """For example ``sandbox.created``."""
    data: dict[str, Any]
    timestamp: datetime = time_field()
    id: int = 0
    """To go on after it."""

    @property
    def sandbox_id(self) -> str:
        return str(self.data.get("sandbox_id", ""))


@dataclass(frozen=True)
class WebhookInfo:
    id: str
    url: str
    types: list[str]
    pending: int
    created_at: datetime = time_field()
    last_success_at: datetime | None = optional_time()
    failing_since: datetime | None = optional_time()
    last_error: str | None = None
    disabled_at: datetime | None = optional_time()
    disabled_reason: str | None = None
    secret: str | None = field(default=None, repr=False)
    """In the answer to its making only."""


@dataclass(frozen=True)
class KeyInfo:
    id: str
    name: str
    admin: bool
    scopes: list[str]
    limits: dict[str, int | None]
    created_at: datetime = time_field()
    key: str | None = field(default=None, repr=False)
    """In the answer to its making only."""


@dataclass(frozen=True)
class Capacity:
    sandboxes: int
    max_sandboxes: int
    memory_used_bytes: int
    memory_free_bytes: int
    disk_used_bytes: int
    disk_free_bytes: int
    accepting: bool
    templates: dict[str, dict[str, int]]


@dataclass(frozen=True)
class ServerInfo:
    version: str
    accelerator: str
    accelerator_reason: str
    qemu_version: str
    defaults: dict[str, Any]
    limits: dict[str, Any]
    region: str | None = None
    endpoint: str | None = None
