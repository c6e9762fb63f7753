"""Options of calls, as types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

NetworkPolicy = Mapping[str, Any]
"""``default`` (``allow`` or ``deny``), ``allow`` and ``deny`` (lists of domains, ``*.domain``,
addresses and blocks, each with an optional ``:port``), ``dns`` (``on`` or ``off``)."""


class MountedVolume(TypedDict):
    volume: str
    """Id or name."""
    path: str
    """Where it is to be in the guest, as a whole path; made if it is missing."""


class Mount(MountedVolume, total=False):
    """A volume, and how a sandbox has it."""

    read_only: bool
    create: bool
    """Make the volume if there is none of this name."""


class _NewSecret(TypedDict):
    name: str
    """Of the variable that has the placeholder in the sandbox."""
    hosts: list[str]
    """``api.example.com``, ``*.example.com``, each with ``:port`` if it is not 443."""
    value: str


class Secret(_NewSecret, total=False):
    """A value that a sandbox uses in its requests and never has; either ``header`` or ``query``."""

    header: str
    """Field of the request's head that it goes into."""
    query: str
    """Parameter of the query that it goes into."""


class ResumeOptions(TypedDict, total=False):
    """What is left out is as it was when the sandbox was frozen."""

    timeout_seconds: int | None
    """Lifetime, counted from now."""
    idle_timeout_seconds: int | None
    persistent: bool | None
    auto_resume: bool | None
    undo: int | None
    egress: bool | None
    network: NetworkPolicy | None
    metadata: dict[str, str] | None
    """Replaces all metadata."""
    keep: bool | None
    """Leave the Space, to be resumed again."""


class CreateOptions(TypedDict, total=False):
    """What is left out is the server's default, see ``client.info()``."""

    template: str | None
    timeout_seconds: int | None
    """Lifetime."""
    idle_timeout_seconds: int | None
    """Ends the sandbox, or freezes a persistent one, when it was not used for so long."""
    ram_mib: int | None
    rootfs_gb: int | None
    persistent: bool | None
    """Frozen into a Space where another sandbox would be ended."""
    egress: bool | None
    """False is short for a network of nothing."""
    vcpus: int | None
    network: NetworkPolicy | None
    env: dict[str, str] | None
    """Variables of every execution."""
    metadata: dict[str, str] | None
    snapshot: str | None
    """Go on where this was taken, by id or name."""
    auto_resume: bool | None
    """Calls wake it where it is paused or frozen; as ``persistent`` if left out."""
    undo: int | None
    """Keep what it was before each of its last so many calls."""
    mounts: Sequence[Mount] | None
    secrets: Sequence[Secret] | None
    """Volumes that it has for its life, at most 8."""
