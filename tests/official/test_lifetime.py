"""Beginnings and ends: keys, limits in time, closing."""

from __future__ import annotations

import re
import time

import httpx
import pytest
from podflare import Client, Sandbox

from support import Create, refused, why_closed

NOBODY = "sbx_" + "0" * 32


def test_the_server_is_healthy(client: Client) -> None:
    assert client.healthz() is True


def test_create_answers_what_the_client_expects(client: Client, host: str) -> None:
    answer = client.create_sandbox_info(template="default", egress=False)
    try:
        assert re.fullmatch("sbx_[0-9a-f]{32}", answer["id"])
        assert answer["state"] == "ready"
        assert answer["region"] == "here"
        assert answer["endpoint"] == host
        assert answer["network"] == {"default": "deny", "allow": [], "deny": [], "dns": "off"}
    finally:
        client.destroy_sandbox(answer["id"])


def test_a_sandbox_keeps_to_the_endpoint_of_the_answer(host: str) -> None:
    with Sandbox(host=host.replace("127.0.0.1", "localhost")) as sandbox:
        assert sandbox._client.host == host
        assert sandbox.run_code("print(1)").stdout == "1"


def test_an_unknown_region_is_served_below_r(host: str) -> None:
    with Sandbox(region="Mars Base", traceparent="malformed") as sandbox:
        assert sandbox._client.host == f"{host}/r/mars%20base"
        assert sandbox.run_code("print(1)").stdout == "1"


def test_the_context_manager_closes(host: str) -> None:
    with Sandbox(host=host) as sandbox:
        assert sandbox.run_code("print(1)").stdout == "1"
    assert refused(lambda: sandbox.run_code("print(1)")) == 410


def test_the_context_manager_closes_after_an_error(host: str) -> None:
    with pytest.raises(LookupError), Sandbox(host=host) as sandbox:
        raise LookupError
    assert refused(lambda: sandbox.run_code("print(1)")) == 410


def test_closing_again_is_fine(create: Create, client: Client) -> None:
    sandbox = create()
    for _ in range(3):
        sandbox.close()
    client.destroy_sandbox(sandbox.id)
    assert why_closed(client, sandbox.id, 1) == "deleted"
    assert refused(sandbox.replay) == 410


def test_a_running_call_ends_with_its_sandbox(create: Create, client: Client) -> None:
    sandbox = create()
    events = sandbox.run_code_stream("import time\nprint('on')\ntime.sleep(60)")
    assert next(events).data == "on"
    client.destroy_sandbox(sandbox.id)
    assert [(event.type, event.data) for event in events] == [("exit", 137)]


def test_a_wrong_key_is_refused(host: str) -> None:
    with pytest.raises(httpx.HTTPStatusError) as caught:
        Sandbox(host=host, api_key="pf_live_wrong")
    assert caught.value.response.status_code == 401
    assert caught.value.response.json()["error"] == "invalid api key"


def test_no_key_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PODFLARE_API_KEY")
    with pytest.raises(httpx.HTTPStatusError) as caught:
        Sandbox(client=Client(host=host))
    assert caught.value.response.status_code == 401
    assert caught.value.response.json()["error"] == "missing Authorization: Bearer <key>"


def test_another_key_does_not_see_a_sandbox(create: Create, host: str, other_key: str) -> None:
    sandbox = create()
    stranger = Client(host=host, api_key=other_key)
    assert refused(lambda: stranger.replay(sandbox.id)) == 404
    assert refused(lambda: list(stranger.exec_stream(sandbox.id, "print(1)"))) == 404
    assert refused(lambda: stranger.destroy_sandbox(sandbox.id)) == 404
    assert sandbox.run_code("print('unharmed')").stdout == "unharmed"
    stranger.close()


def test_an_unknown_sandbox_is_not_found(client: Client) -> None:
    assert refused(lambda: list(client.exec_stream(NOBODY, "print(1)"))) == 404
    assert refused(lambda: client.replay(NOBODY)) == 404
    assert refused(lambda: client.destroy_sandbox(NOBODY)) == 404


def test_what_cannot_be_had_is_refused(client: Client) -> None:
    with pytest.raises(httpx.HTTPStatusError) as caught:
        client.create_sandbox(template="no-such-template")
    assert caught.value.response.status_code == 404
    assert caught.value.response.json()["code"] == "template_not_found"
    for options in ({"ram_mib": 16385}, {"rootfs_gb": 65}, {"timeout_seconds": 0}):
        with pytest.raises(httpx.HTTPStatusError) as caught:
            client.create_sandbox(**options)
        assert caught.value.response.status_code == 400
        assert caught.value.response.json()["code"] == "invalid_field"


def test_an_unknown_language_is_refused(sandbox: Sandbox) -> None:
    assert refused(lambda: sandbox.run_code("puts 1", language="ruby")) == 400
    assert sandbox.run_code("print(1)").stdout == "1"


def test_the_lifetime_closes_a_sandbox_in_use(create: Create, client: Client) -> None:
    sandbox = create(timeout_seconds=2)
    result = sandbox.run_code("import time\nprint('on')\ntime.sleep(60)")
    assert (result.stdout, result.exit_code) == ("on", 137)
    assert why_closed(client, sandbox.id, 10) == "timeout"
    assert refused(lambda: sandbox.run_code("print(1)")) == 410
    sandbox.close()


def test_an_idle_sandbox_is_closed(create: Create, client: Client) -> None:
    sandbox = create(idle_timeout_seconds=1)
    assert why_closed(client, sandbox.id, 20) == "idle"
    assert refused(lambda: sandbox.run_code("print(1)")) == 410


def test_a_working_sandbox_is_not_idle(create: Create) -> None:
    sandbox = create(idle_timeout_seconds=2)
    for _ in range(2):
        assert sandbox.run_code("import time; time.sleep(3); print('still here')").ok


def test_a_call_may_have_a_limit_of_its_own(sandbox: Sandbox) -> None:
    """The client cannot ask for it, but its transport can."""
    sandbox.run_code("kept = 'kept'")
    began = time.monotonic()
    answer = sandbox._client._http.post(
        f"/v1/sandboxes/{sandbox.id}/exec",
        json={"code": "print('on')\nwhile True: pass", "timeout_seconds": 1},
    )
    lines = answer.text.splitlines()
    assert '"data":"on"' in lines[0]
    assert '"type":"exit","data":124' in lines[-1]
    assert time.monotonic() - began >= 1
    assert sandbox.run_code("print(kept)").stdout == "kept"
