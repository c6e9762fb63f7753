"""Programs that run beside all else; the conformance script has every call of them."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest

from podflare import AsyncClient, Client, Event, Sandbox, errors
from support import SECONDS, Create

COUNT = "import itertools, time\nfor n in itertools.count(): print(n, flush=True); time.sleep(0.05)"


def numbers(events: list[Event]) -> list[int]:
    said = "".join(str(event.data) for event in events if event.type == "stdout")
    return [int(word) for word in said.split()]


def test_a_server_is_waited_for_and_reached(create: Create) -> None:
    sandbox = create()
    sandbox.files.write("/srv/www/page", "here")
    server = sandbox.processes.start(
        ["python3", "-m", "http.server", "8000", "--directory", "/srv/www"], name="web"
    )
    found = server.wait_for_port(8000, SECONDS)
    assert found.reachable
    url = sandbox.port_url(8000) + "page"
    headers = sandbox.client.config.headers()
    assert httpx.get(url, headers=headers, trust_env=False, timeout=SECONDS).text == "here"
    line = server.wait_for_log(r'"GET /(\w+) HTTP', timeout_seconds=SECONDS)
    assert (line.groups, line.stream) == (["page"], "stderr")
    assert line.line in server.output()
    server.end()
    with pytest.raises(errors.ProcessEnded) as ended:
        sandbox.processes.get("web").wait_for_log(text="never", timeout_seconds=SECONDS)
    assert ended.value.details["exit_code"] == 143


def test_a_log_has_each_event_once_from_any_number(create: Create) -> None:
    sandbox = create()
    counter = sandbox.processes.start(["python3", "-c", COUNT])
    first: list[Event] = []
    for event in counter.logs(follow=True):
        first.append(event)
        if len(numbers(first)) >= 10:
            break
    rest = []
    for event in counter.logs(first[-1].seq + 1, follow=True):
        rest.append(event)
        if event.type == "stdout" and event.data == "15\n":
            counter.signal("KILL")
    assert [event.seq for event in first + rest] == list(range(len(first + rest)))
    counted = numbers(first + rest)
    assert counted == list(range(len(counted)))
    assert (rest[-1].type, rest[-1].data, rest[-1].reason) == ("exit", 137, "exited")
    assert counter.wait(0).next_seq == rest[-1].seq + 1


def test_a_fork_has_its_copy(create: Create) -> None:
    sandbox = create()
    counter = sandbox.processes.start(["python3", "-c", COUNT])
    counter.wait_for_log("^3$", timeout_seconds=SECONDS)
    (child,) = sandbox.fork()
    with child:
        copy = child.processes.get(counter.id)
        copy.signal("KILL")
        assert copy.wait(SECONDS).exit_code == 137
        assert counter.info().state == "running"
    counter.end()
    assert counter.wait(SECONDS).reason == "cancelled"


def test_a_wait_without_a_limit_goes_over_many_requests(create: Create, client: Client) -> None:
    """A client whose requests may be silent for a second only waits longer all the same."""
    sandbox = create()
    with Client(client.host, timeout=1.0) as hasty:
        asker = hasty.sandbox(sandbox.id).processes.start("read x; exit 5", stdin_open=True)
        answer = threading.Timer(3.0, lambda: asker.write_stdin(b"it\n", eof=True))
        answer.start()
        assert asker.wait().exit_code == 5
        answer.join()


def test_a_wait_that_is_cancelled(box: Sandbox) -> None:
    async def work() -> None:
        async with AsyncClient() as client:
            sleeper = await client.sandbox(box.id).processes.start(["sleep", "1000"])
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(sleeper.wait(), 0.2)
            assert (await sleeper.info()).state == "running"
            await sleeper.end()
            assert (await sleeper.wait()).exit_code == 143

    asyncio.run(asyncio.wait_for(work(), SECONDS))
