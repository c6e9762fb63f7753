"""Words that several tests use."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest
from podflare import Client, Sandbox

Create = Callable[..., Sandbox]


def refused(call: Callable[[], object]) -> int:
    """The status with which a call is refused."""
    with pytest.raises(httpx.HTTPStatusError) as caught:
        call()
    return caught.value.response.status_code


def why_closed(client: Client, sandbox_id: str, seconds: float) -> str:
    """Waits until a sandbox is gone and returns the reason; looking is no use of the sandbox."""
    end = time.monotonic() + seconds
    while True:
        answer = client._http.get(f"/v1/sandboxes/{sandbox_id}")
        if answer.status_code == 410:
            assert answer.json()["code"] == "gone"
            reason = answer.json()["details"]["reason"]
            assert isinstance(reason, str)
            return reason
        assert answer.status_code == 200, answer.text
        assert time.monotonic() < end, f"{sandbox_id} is still there after {seconds} s"
        time.sleep(0.1)


def space_of(client: Client, sandbox_id: str, seconds: float) -> str:
    """Waits until a sandbox is frozen and returns its Space's id; looking is no use of it."""
    end = time.monotonic() + seconds
    while True:
        answer = client._http.get("/v1/spaces")
        assert answer.status_code == 200, answer.text
        for space in answer.json()["spaces"]:
            if space["sandbox_id"] == sandbox_id:
                assert isinstance(space["id"], str)
                return space["id"]
        assert time.monotonic() < end, f"{sandbox_id} is not frozen after {seconds} s"
        time.sleep(0.1)
