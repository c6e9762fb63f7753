"""Options of calls, as types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

NetworkPolicy = Mapping[str, Any]
"""``default`` (``allow`` or ``deny``), ``allow`` and ``deny`` (lists of domains, ``*.domain``,
addresses and blocks, each with an optional ``:port``), ``dns`` (``on`` or ``off``)."""


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
