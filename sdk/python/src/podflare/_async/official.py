"""Names of the official client that are blocking only; here there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podflare._async.birth import Lease


class AsyncOfficialCalls:
    _lease: Lease | None = None
    """Of a client that sandboxes share."""
