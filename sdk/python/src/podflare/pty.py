"""Terminals."""

from podflare._async.pty import AsyncPtyNamespace
from podflare._async.terminals import AsyncTerminal, AsyncTerminalConnection
from podflare._sync.pty import PtyHandle, PtyNamespace
from podflare._sync.terminals import Terminal, TerminalConnection
from podflare.types import PtySessionInfo, TerminalRead

__all__ = [
    "AsyncPtyNamespace",
    "AsyncTerminal",
    "AsyncTerminalConnection",
    "PtyHandle",
    "PtyNamespace",
    "PtySessionInfo",
    "Terminal",
    "TerminalConnection",
    "TerminalRead",
]
