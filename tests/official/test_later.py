"""What later versions bring is refused with 501, never half done."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from podflare import Client, Sandbox

from support import Create


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda c, s: s.pty.list(), id="pty-list"),
        pytest.param(lambda c, s: c.pty_input(s.id, "pty_0", b"x"), id="pty-input"),
        pytest.param(lambda c, s: c.pty_resize(s.id, "pty_0", 80, 24), id="pty-resize"),
        pytest.param(lambda c, s: c.pty_kill(s.id, "pty_0"), id="pty-kill"),
        pytest.param(lambda c, s: c.pty_read(s.id, "pty_0", 0), id="pty-read"),
    ],
)
def test_it_is_said_that_it_comes_later(
    client: Client, sandbox: Sandbox, call: Callable[[Client, Sandbox], object]
) -> None:
    before = client._http.get("/v1/sandboxes").json()["sandboxes"]
    with pytest.raises(httpx.HTTPStatusError) as caught:
        call(client, sandbox)
    assert caught.value.response.status_code == 501
    assert caught.value.response.json()["code"] == "not_available_yet"
    assert caught.value.response.json()["error"]
    after = client._http.get("/v1/sandboxes").json()["sandboxes"]
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert sandbox.run_code("print('usable')").stdout == "usable"


def test_terminals_come_later(client: Client, sandbox: Sandbox) -> None:
    for stream in (
        client.pty_create_stream(sandbox.id, {"shellCmd": "bash"}),
        client.pty_attach_stream(sandbox.id, "pty_0"),
    ):
        with pytest.raises(httpx.HTTPStatusError) as caught:
            next(stream)
        assert caught.value.response.status_code == 501
    assert sandbox.run_code("print('usable')").stdout == "usable"


def test_the_comparison_of_two_sandboxes_works_already(create: Create) -> None:
    """The client does it by bash in both."""
    one, two = create(), create()
    for sandbox in (one, two):
        sandbox.upload(b"same", "/root/same")
        sandbox.upload(sandbox.id.encode(), "/root/changed")
    one.upload(b"x", "/root/only one")
    two.upload(b"x", "/root/only two")
    assert one.diff(two, ["/root"]) == {
        "added": ["/root/only two"],
        "removed": ["/root/only one"],
        "modified": ["/root/changed"],
    }
