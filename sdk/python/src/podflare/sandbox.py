"""Sandboxes."""

from podflare._async.sandbox import AsyncSandbox
from podflare._sync.birth import close_default_client
from podflare._sync.client import Client
from podflare._sync.sandbox import Sandbox
from podflare.regions import resolve_region
from podflare.types import Event, ExecResult, Language

__all__ = [
    "AsyncSandbox",
    "Client",
    "Event",
    "ExecResult",
    "Language",
    "Sandbox",
    "close_default_client",
    "resolve_region",
]
