"""Terminals under the name that the official client gave them."""

from __future__ import annotations

from podflare._async.terminals import AsyncTerminals


class AsyncPtyNamespace(AsyncTerminals):
    """The terminals of one sandbox."""
