"""Disposable Linux microVMs for AI agents.

    from podflare import Sandbox

    with Sandbox() as sandbox:
        sandbox.run_code("x = 42")
        print(sandbox.run_code("print(x * 2)").stdout)

``AsyncSandbox`` is the same without blocking. Errors are in ``podflare.errors``. What is named here
is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podflare import errors as errors
    from podflare._errors import ApiError, PodflareError
    from podflare.client import AsyncClient, Client
    from podflare.pty import PtyHandle, PtyNamespace
    from podflare.regions import (
        REGIONS,
        RegionInfo,
        UnknownRegionError,
        detect_local_region,
        haversine_km,
        nearest_region_to,
        resolve_region,
    )
    from podflare.sandbox import AsyncSandbox, Sandbox, close_default_client
    from podflare.types import (
        CodeException,
        Event,
        ExecResult,
        Language,
        PtySessionInfo,
        Result,
    )

__version__ = "0.1.0"

_HOMES = {
    "ApiError": "podflare._errors",
    "PodflareError": "podflare._errors",
    "AsyncClient": "podflare._async.client",
    "Client": "podflare._sync.client",
    "AsyncSandbox": "podflare._async.sandbox",
    "Sandbox": "podflare._sync.sandbox",
    "close_default_client": "podflare._sync.birth",
    "PtyHandle": "podflare._sync.pty",
    "PtyNamespace": "podflare._sync.pty",
    "REGIONS": "podflare.regions",
    "RegionInfo": "podflare.regions",
    "UnknownRegionError": "podflare.regions",
    "detect_local_region": "podflare.regions",
    "haversine_km": "podflare.regions",
    "nearest_region_to": "podflare.regions",
    "resolve_region": "podflare.regions",
    "CodeException": "podflare.types",
    "Event": "podflare.types",
    "ExecResult": "podflare.types",
    "Language": "podflare.types",
    "PtySessionInfo": "podflare.types",
    "Result": "podflare.types",
}

__all__ = [
    "REGIONS",
    "ApiError",
    "AsyncClient",
    "AsyncSandbox",
    "Client",
    "CodeException",
    "Event",
    "ExecResult",
    "Language",
    "PodflareError",
    "PtyHandle",
    "PtyNamespace",
    "PtySessionInfo",
    "RegionInfo",
    "Result",
    "Sandbox",
    "UnknownRegionError",
    "close_default_client",
    "detect_local_region",
    "errors",
    "haversine_km",
    "nearest_region_to",
    "resolve_region",
]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("podflare.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'podflare' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
