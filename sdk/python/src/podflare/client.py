"""Clients of a server."""

from podflare._async.client import AsyncClient
from podflare._config import DEFAULT_HOST
from podflare._sync.client import Client
from podflare.types import Event

__all__ = ["DEFAULT_HOST", "AsyncClient", "Client", "Event"]
