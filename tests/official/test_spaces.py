"""Spaces: persistent sandboxes that are frozen when they are idle, and go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from podflare import Client, Sandbox

from support import Create, refused, space_of, why_closed

NOWHERE = "spc_" + "0" * 32

# What a freeze must bring back: values, a write that no flush has seen, a thread that counts, a
# generator half-way and a process with pipes.
BEFORE = """
import itertools, subprocess, threading, time
data = {"answer": 42}
out = open("/root/half-written", "w")
out.write("before, ")
ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        time.sleep(0.02)
thread = threading.Thread(target=tick, daemon=True)
thread.start()
squares = (n * n for n in itertools.count())
print([next(squares) for _ in range(3)])
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
"""

AFTER = """
print(data["answer"], [next(squares) for _ in range(2)])
out.write("after")
out.flush()
print(open("/root/half-written").read())
seen = ticks
time.sleep(0.5)
print(thread.is_alive(), ticks > seen)
child.stdin.write(b"through the pipe\\n")
child.stdin.flush()
print(child.stdout.readline(), child.poll())
"""


def frozen(client: Client, sandbox: Sandbox) -> str:
    """Freezes a sandbox at once, which the client cannot ask for, but its transport can."""
    answer = client._http.post(f"/v1/sandboxes/{sandbox.id}/freeze", timeout=60)
    assert answer.status_code == 200, answer.text
    space = answer.json()["id"]
    assert re.fullmatch("spc_[0-9a-f]{32}", space)
    return str(space)


@pytest.fixture
def space(client: Client, create: Create) -> Iterator[str]:
    """A Space whose sandbox knew x = 7."""
    sandbox = create(persistent=True)
    sandbox.run_code("x = 7")
    made = frozen(client, sandbox)
    yield made
    client.delete_space(made)


def test_an_idle_sandbox_goes_on_with_all_that_ran_in_it(create: Create, client: Client) -> None:
    sandbox = create(persistent=True, idle_timeout_seconds=1)
    assert sandbox.run_code(BEFORE).stdout == "[0, 1, 4]"
    space = space_of(client, sandbox.id, 30)
    with Sandbox.resume(space, client=client, idle_timeout_seconds=60) as resumed:
        assert re.fullmatch("sbx_[0-9a-f]{32}", resumed.id)
        assert resumed.id != sandbox.id
        result = resumed.run_code(AFTER)
        assert result.stdout.splitlines() == [
            "42 [9, 16]",
            "before, after",
            "True True",
            "b'through the pipe\\n' None",
        ], result.stderr
        assert why_closed(client, sandbox.id, 1) == "resumed"
        assert refused(lambda: Sandbox.resume(space, client=client)) == 404


def test_a_resumed_sandbox_is_frozen_again(space: str, client: Client) -> None:
    with Sandbox.resume(space, client=client, persistent=True, idle_timeout_seconds=1) as resumed:
        resumed.run_code("x += 1")
        again = space_of(client, resumed.id, 30)
        assert again != space
        with Sandbox.resume(again, client=client) as last:
            assert last.run_code("print(x)").stdout == "8"


def test_a_resume_takes_options_as_a_create_does(space: str, client: Client, host: str) -> None:
    answer = client.resume_space(
        space, timeout_seconds=77, idle_timeout_seconds=66, persistent=False, egress=False
    )
    try:
        assert answer["state"] == "ready"
        assert answer["region"] == "here"
        assert answer["endpoint"] == host
        record = client._http.get(f"/v1/sandboxes/{answer['id']}").json()
        assert record["timeout_seconds"] == 77
        assert record["idle_timeout_seconds"] == 66
        assert record["persistent"] is False
        assert record["network"]["default"] == "deny"
    finally:
        client.destroy_sandbox(answer["id"])


def test_a_call_wakes_a_frozen_sandbox_under_its_own_id(create: Create, client: Client) -> None:
    sandbox = create(persistent=True)
    sandbox.run_code("x = 7")
    space = frozen(client, sandbox)
    assert client._http.get(f"/v1/sandboxes/{sandbox.id}").json()["state"] == "frozen"
    assert sandbox.run_code("print(x)").stdout == "7"
    assert refused(lambda: Sandbox.resume(space, client=client)) == 404


def test_a_space_is_used_up_once(space: str, client: Client) -> None:
    def resume(_: int) -> dict[str, object] | int:
        try:
            return dict(client.resume_space(space))
        except httpx.HTTPStatusError as failure:
            return failure.response.status_code

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(resume, range(3)))
    made = [answer["id"] for answer in answers if isinstance(answer, dict)]
    for each in made:
        client.destroy_sandbox(str(each))
    assert len(made) == 1
    assert answers.count(404) == 2


def test_deleting_a_space_ends_its_sandbox(create: Create, client: Client) -> None:
    sandbox = create(persistent=True)
    space = frozen(client, sandbox)
    client.delete_space(space)
    client.delete_space(space)
    assert why_closed(client, sandbox.id, 1) == "deleted"
    assert refused(lambda: Sandbox.resume(space, client=client)) == 404


def test_closing_a_frozen_sandbox_deletes_its_space(create: Create, client: Client) -> None:
    sandbox = create(persistent=True)
    space = frozen(client, sandbox)
    sandbox.close()
    assert refused(lambda: Sandbox.resume(space, client=client)) == 404


def test_another_key_does_not_see_a_space(
    space: str, client: Client, host: str, other_key: str
) -> None:
    stranger = Client(host=host, api_key=other_key)
    assert stranger._http.get("/v1/spaces").json() == {"spaces": []}
    assert refused(lambda: stranger.resume_space(space)) == 404
    stranger.delete_space(space)
    stranger.close()
    with Sandbox.resume(space, client=client) as resumed:
        assert resumed.run_code("print(x)").stdout == "7"


def test_an_unknown_space_is_not_found(client: Client) -> None:
    with pytest.raises(httpx.HTTPStatusError) as caught:
        Sandbox.resume(NOWHERE, client=client)
    assert caught.value.response.status_code == 404
    assert caught.value.response.json()["code"] == "space_not_found"
    client.delete_space(NOWHERE)
