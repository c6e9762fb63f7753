"""What the doors have in common."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podflare._async.sandbox import AsyncSandbox
    from podflare._async.toolset import AsyncToolset
    from podflare._sync.sandbox import Sandbox
    from podflare._sync.toolset import Toolset


def toolset_of(target: Sandbox | Toolset) -> Toolset:
    from podflare._sync.toolset import Toolset

    return target if isinstance(target, Toolset) else Toolset(target)


def async_toolset_of(target: AsyncSandbox | AsyncToolset) -> AsyncToolset:
    from podflare._async.toolset import AsyncToolset

    return target if isinstance(target, AsyncToolset) else AsyncToolset(target)


def part(block: Any, name: str) -> Any:
    """A value of a block that a framework gives as an object or as a dict."""
    return block.get(name) if isinstance(block, dict) else getattr(block, name, None)


def arguments_of(value: Any) -> dict[str, Any]:
    """Arguments of a call, which frameworks give as a dict or as JSON."""
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except ValueError:
            return {}
    return dict(value) if value else {}


def data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64_of(data)}"


def base64_of(data: bytes) -> str:
    from base64 import b64encode

    return b64encode(data).decode()


class Lazily:
    """A sandbox that is made when it is first needed, once however many threads ask."""

    def __init__(self, make: Callable[[], Sandbox]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._sandbox: Sandbox | None = None

    def get(self) -> Sandbox:
        with self._lock:
            if self._sandbox is None:
                self._sandbox = self._make()
            return self._sandbox

    def close(self) -> None:
        with self._lock:
            sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            sandbox.close()
