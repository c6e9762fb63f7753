"""The sandbox itself: beginning and end, forks, what is saved, network, ports, events."""

from __future__ import annotations

import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from podflare import Client, Sandbox, errors
from podflare.types import LifecycleEvent
from support import SECONDS, Create, eventually

NOBODY = "sbx_" + "0" * 32


def test_records(create: Create, client: Client) -> None:
    sandbox = create(metadata={"who": "me"}, egress=False, timeout_seconds=600, env={"A": "b"})
    info = sandbox.info()
    assert (info.id, info.state, info.metadata) == (sandbox.id, "ready", {"who": "me"})
    assert info.network.default == "deny"
    assert info.expires_at > info.created_at
    assert sandbox.record is not None
    assert sandbox.record["source"] in ("pool", "restore", "boot")
    assert [one.id for one in client.sandboxes(metadata={"who": "me"})] == [sandbox.id]
    assert sandbox.update(timeout_seconds=900, metadata={}).timeout_seconds == 900
    assert list(client.sandboxes(metadata={"who": "me"})) == []
    assert sandbox.run_code("echo $A", "bash").stdout == "b"
    again = Sandbox.connect(sandbox.id, client=client)
    assert again.run_code("print(1)").stdout == "1"
    assert client.info().version
    assert client.capacity().sandboxes >= 1
    assert client.healthz()


def test_the_context_manager_closes(client: Client) -> None:
    with pytest.raises(LookupError), Sandbox(client=client) as sandbox:
        raise LookupError
    with pytest.raises(errors.Gone) as caught:
        sandbox.run_code("print(1)")
    assert caught.value.details["reason"] == "deleted"
    sandbox.close()


def test_refusals_have_classes(client: Client, create: Create) -> None:
    with pytest.raises(errors.SandboxNotFound) as caught:
        client.sandbox(NOBODY).info()
    assert isinstance(caught.value, httpx.HTTPStatusError)
    assert (caught.value.status, caught.value.code) == (404, "sandbox_not_found")
    assert caught.value.response.json()["code"] == "sandbox_not_found"
    assert caught.value.help and str(caught.value).endswith(f"(see {caught.value.help})")
    assert "What to do: " in httpx.get(caught.value.help).text
    with pytest.raises(errors.TemplateNotFound):
        create(template="no-such-template")
    with pytest.raises(errors.InvalidField) as invalid:
        create(ram_mib=1 << 30)
    assert "16" in str(invalid.value)
    with pytest.raises(errors.UnknownPolicyField):
        create(network={"defualt": "deny"})


def test_forks_merge_diff_and_tree(create: Create) -> None:
    parent = create()
    parent.run_code("x = 1; open('/root/changed', 'w').write('old')")
    loser, winner = parent.fork(2, metadata={"role": "try"}, reseed=True)
    assert winner.info().metadata == {"role": "try"}
    winner.run_code("x = 2; open('/root/changed', 'w').write('new'); open('/root/added', 'w')")
    diff = parent.diff(winner, ["/root"], content=True)
    assert diff == {"added": ["/root/added"], "removed": [], "modified": ["/root/changed"]}
    assert "+new" in (diff.modified[0].patch or "")
    assert parent.tree()[0].id == parent.id
    assert {one.id for one in parent.tree()} == {parent.id, loser.id, winner.id}
    gone = winner.id
    parent.merge_into(winner, close_siblings=True)
    winner.close()
    assert parent.run_code("print(x)").stdout == "2"
    states = {one.id: one.close_reason for one in parent.tree()}
    assert states[gone] == "merged"
    assert states[loser.id] is not None
    with pytest.raises(errors.InvalidField):
        parent.merge_into(parent)


def test_fanout(create: Create) -> None:
    parent = create()
    parent.run_code("base = 10")
    heard: list[int] = []
    out = parent.fanout(
        ["score = base + 3; print(score)", "score = base - 3; print(score)", "1 / 0"],
        pick="min",
        on_event=lambda index, event: heard.append(index),
    )
    assert out.winner is not None
    assert (out.winner.index, out.winner.value) == (1, 7)
    assert [one.exit_code if one else None for one in out.results] == [0, 0, 1]
    assert out.children == []
    assert set(heard) == {0, 1, 2}
    assert parent.run_code("print(score)").stdout == "7"
    out = parent.fanout("print('alive')", 2)
    assert [child.run_code("print(score)").stdout for child in out.children] == ["7", "7"]
    for child in out.children:
        child.close()


def test_pause_freeze_and_wake(create: Create, client: Client) -> None:
    sandbox = create(persistent=True)
    sandbox.run_code("x = 7")
    assert sandbox.pause().state == "paused"
    assert sandbox.resume().state == "ready"
    space = sandbox.freeze()
    assert space.sandbox_id == sandbox.id
    sandbox.close()  # leaves what was frozen
    assert client.spaces.get(space.id) == space
    assert sandbox.run_code("print(x)").stdout == "7"
    space = sandbox.freeze()
    with Sandbox.resume(space.id, client=client, persistent=False) as resumed:
        assert resumed.id != sandbox.id
        assert resumed.run_code("print(x)").stdout == "7"
    assert space.id not in [one.id for one in client.spaces.list()]
    with pytest.raises(errors.SpaceNotFound):
        client.spaces.resume(space.id)
    client.spaces.delete(space.id)
    sandbox._keep = False


def test_snapshots_rollback_and_undo(create: Create, client: Client) -> None:
    sandbox = create(undo=3)
    sandbox.run_code("x = 1")
    snapshot = sandbox.snapshot("sdk-test", expires_in_seconds=600)
    try:
        with pytest.raises(errors.SnapshotExists):
            sandbox.snapshot("sdk-test")
        assert [one.name for one in client.snapshots.list()] == ["sdk-test"]
        sandbox.run_code("x = 2")
        sandbox.run_code("x = 3")
        assert sandbox.undo().undo is not None
        assert sandbox.run_code("print(x)").stdout == "2"
        with pytest.raises(errors.NothingToUndo) as caught:
            sandbox.undo(100)
        assert caught.value.details["available"] < 100
        sandbox.rollback(snapshot)
        assert sandbox.run_code("print(x)").stdout == "1"
        other = create(snapshot="sdk-test")
        assert other.run_code("print(x)").stdout == "1"
    finally:
        client.snapshots.delete(snapshot.id)


def test_network_and_ports(create: Create) -> None:
    sandbox = create(network={"default": "deny", "allow": ["example.com:443"]})
    info = sandbox.network()
    assert (info.default, info.allow, info.dns) == ("deny", ["example.com:443"], "on")
    assert sandbox.set_network({"default": "deny"}).allow == []
    refused = sandbox.run_code("exec 3<>/dev/tcp/192.0.2.1/80", "bash")
    assert refused.exit_code == 1
    assert eventually(lambda: sandbox.network().last_refused)[0].address == "192.0.2.1"
    sandbox.start_code("cd /tmp; echo here >page; python3 -m http.server 8000", "bash")
    url = sandbox.port_url(8000) + "page"

    def page() -> str | None:
        answer = httpx.get(url, headers=sandbox.client.config.headers(), trust_env=False)
        return answer.text if answer.is_success else None

    assert eventually(page) == "here\n"
    link = sandbox.port_link(8000, expires_in_seconds=60)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor()
    )
    assert opener.open(link.url, timeout=SECONDS).status == 200


def test_events_of_a_life(client: Client) -> None:
    with ThreadPoolExecutor(1) as thread:
        *_, last = [0, *(event.id for event in client.events(after=0, follow=False))]

        def follow(sandbox_id: str) -> list[LifecycleEvent]:
            seen = []
            for event in client.events(after=last):
                if event.sandbox_id == sandbox_id:
                    seen.append(event)
                    if event.type == "sandbox.closed":
                        break
            return seen

        with Sandbox(client=client) as sandbox:
            told = thread.submit(follow, sandbox.id)
        types = [event.type for event in told.result(SECONDS)]
    assert types == ["sandbox.created", "sandbox.closed"]


def test_webhooks_and_keys(client: Client) -> None:
    with pytest.raises(errors.InvalidField):
        client.webhooks.create("http://127.0.0.1/")
    assert client.webhooks.list() == []
    with pytest.raises(errors.Forbidden):
        client.keys.list()


def test_calls_by_id(client: Client) -> None:
    """Under the official client's names."""
    made = client.create_sandbox(timeout_seconds=600)
    assert re.fullmatch("sbx_[0-9a-f]{32}", made)
    events = list(client.exec_stream(made, "echo hi", "bash"))
    assert [(event.type, event.data) for event in events] == [("stdout", "hi"), ("exit", 0)]
    (child,) = client.fork_sandbox(made)
    client.merge_into(made, child)
    assert client.replay(made)
    stream = client.pty_create_stream(made, {"shellCmd": "read x; echo got $x"})
    ready = next(stream)
    client.pty_input(made, ready["session_id"], b"it\n")
    assert [line["type"] for line in stream][-1] == "pty_exit"
    assert client.pty_read(made, ready["session_id"], 0)["exit_code"] == 0
    assert [one["pty_id"] for one in client.pty_list(made)] == [ready["session_id"]]
    client.destroy_sandbox(made)
    client.destroy_sandbox(made)
