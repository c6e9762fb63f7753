"""What goes wrong on the way, and what the SDK makes of it."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from podflare import AsyncClient, Client, ExecResult, Sandbox, errors
from proxy import Proxy, answer
from support import Create

CODE = "import sys, time\nfor i in range(5):\n    print('line', i)\n    time.sleep(0.02)\n6 * 7"
LINES = "".join(f"line {i}\n" for i in range(5))


@pytest.fixture
def proxy(host: str) -> Iterator[Proxy]:
    with Proxy(host) as proxy:
        yield proxy


@pytest.fixture
def through(proxy: Proxy) -> Iterator[Client]:
    with Client(proxy.host) as client:
        yield client


def to_exec(head: bytes) -> bool:
    return b"/exec" in head.split(b"\r\n")[0]


def ends_of_events(sandbox: Sandbox) -> list[int]:
    """How many bytes of an answer there are before each event, seen by a look at the wire."""
    request = {"code": CODE, "framing": "chunks"}
    path = f"{sandbox.client.host}/v1/sandboxes/{sandbox.id}/exec"
    headers = sandbox.client.config.headers()
    with httpx.stream("POST", path, json=request, headers=headers, trust_env=False) as response:
        head = sum(len(k) + len(v) + 4 for k, v in response.headers.raw) + 19
        sizes = [len(line) + 1 for line in response.iter_lines() if line]
    return [head + sum(sizes[:n]) + 8 * n for n in range(len(sizes) + 1)]


def test_a_stream_cut_at_each_event_has_no_gap_and_no_repeat(
    proxy: Proxy, through: Client, box: Sandbox
) -> None:
    sandbox = through.sandbox(box.id)
    proxy.only = to_exec
    joined = 0
    for cut in ends_of_events(box):
        for jitter in (0, 25):
            proxy.cuts = [cut + jitter]
            proxy.requests.clear()
            events = list(sandbox.run_code_stream(CODE, framing="chunks"))
            assert events == list(box.join_stream(events[0].data))
            assert "".join(event.data for event in events if event.type == "stdout") == LINES
            joined += sum(b"from_seq=" in head for head in proxy.requests)
    assert joined >= 4


def test_a_stream_is_cut_again_and_again(proxy: Proxy, through: Client, box: Sandbox) -> None:
    proxy.only = to_exec
    proxy.cuts = [450] * 6
    result = through.sandbox(box.id).run_code(CODE)
    assert result.stdout == "\n".join(f"line {i}" for i in range(5))
    assert result.value is not None
    assert not result.truncated
    assert sum(b"from_seq=" in head for head in proxy.requests) >= 2


def test_the_log_of_a_process_is_cut(proxy: Proxy, through: Client, box: Sandbox) -> None:
    """And the wait for its end: both go on, each event once."""
    counter = "for i in 0 1 2 3 4; do echo line $i; sleep 0.05; done"
    process = through.sandbox(box.id).processes.start(counter)
    proxy.only = lambda head: b"/logs" in head or b"/wait " in head
    proxy.cuts = [300, 450, 350, 400]
    proxy.requests.clear()
    events = list(process.logs(follow=True))
    assert [event.seq for event in events] == list(range(len(events)))
    assert "".join(event.data for event in events if event.type == "stdout") == LINES
    assert events[-1].type == "exit"
    assert sum(b"from_seq=" in head for head in proxy.requests) >= 3
    proxy.cuts = [5, 20]
    assert process.wait().exit_code == 0


def test_an_asynchronous_stream_is_cut(proxy: Proxy, box: Sandbox) -> None:
    async def work() -> ExecResult:
        async with AsyncClient(proxy.host) as client:
            return await client.sandbox(box.id).run_code(CODE)

    proxy.only = to_exec
    proxy.cuts = [500, 300]
    assert asyncio.run(work()).stdout == "\n".join(f"line {i}" for i in range(5))


def test_a_call_that_may_have_run_is_not_repeated(
    proxy: Proxy, through: Client, box: Sandbox
) -> None:
    """Its head did not come, so there is nothing to join."""
    box.run_code("ran = 0")
    proxy.only = to_exec
    proxy.cuts = [5]
    with pytest.raises(errors.ConnectionBroken):
        through.sandbox(box.id).run_code("ran += 1")
    assert box.run_code("print(ran)").stdout == "1"
    assert sum(map(to_exec, proxy.requests)) == 1


def test_a_create_that_is_cut_makes_one_sandbox(proxy: Proxy, through: Client) -> None:
    proxy.cuts = [20]
    with Sandbox(client=through, metadata={"fault": "create"}) as sandbox:
        names = [one.id for one in through.sandboxes(metadata={"fault": "create"})]
        assert names == [sandbox.id]
    keys = {
        line for head in proxy.requests for line in head.split(b"\r\n") if b"dempotency" in line
    }
    assert len(keys) == 1
    assert sum(head.startswith(b"POST /v1/sandboxes ") for head in proxy.requests) == 2


def test_busy_servers_are_waited_for(proxy: Proxy, through: Client, box: Sandbox) -> None:
    busy = answer("503 Busy", '{"error":"full","code":"host_full","details":{}}', Retry_After="1")
    proxy.answers = [busy, answer("429 Slow", "not ours", Retry_After="0")]
    began = time.monotonic()
    assert through.sandbox(box.id).info().id == box.id
    assert time.monotonic() - began >= 1
    assert len(proxy.requests) == 3


def test_not_longer_than_the_caller_waits(proxy: Proxy, box: Sandbox) -> None:
    proxy.answers = [answer("503 Busy", '{"error":"full","code":"host_full"}', Retry_After="60")]
    with Client(proxy.host, timeout=5) as client, pytest.raises(errors.HostFull) as caught:
        client.sandbox(box.id).info()
    assert caught.value.retry_after == 60
    assert len(proxy.requests) == 1


def test_what_is_not_safe_is_not_repeated(proxy: Proxy, through: Client, box: Sandbox) -> None:
    proxy.answers = [answer("503 Busy", '{"error":"full","code":"host_full"}', Retry_After="0")]
    with pytest.raises(errors.HostFull):
        through.sandbox(box.id).run_code("print(1)")
    assert len(proxy.requests) == 1


def test_a_used_up_quota_is_not_waited_for(proxy: Proxy, through: Client) -> None:
    body = '{"error":"no more","code":"too_many_sandboxes","details":{"limit":1}}'
    proxy.answers = [answer("429 Quota", body, Retry_After="1")]
    with pytest.raises(errors.TooManySandboxes) as caught:
        Sandbox(client=through)
    assert caught.value.details == {"limit": 1}


def test_a_slow_server(proxy: Proxy, box: Sandbox) -> None:
    proxy.delay = 3
    with Client(proxy.host, timeout=0.5, retries=0) as client:
        with pytest.raises(errors.NoAnswerInTime) as caught:
            client.sandbox(box.id).info()
        assert isinstance(caught.value, TimeoutError)
        assert isinstance(caught.value, httpx.TimeoutException)
    proxy.delay = 0.2
    with Client(proxy.host) as client:
        assert client.sandbox(box.id).run_code("print(1)").stdout == "1"


def test_a_silent_stream_is_joined_again(proxy: Proxy, box: Sandbox) -> None:
    """Silence is longer than the server's heartbeat would be, so the connection is dead."""
    with Client(proxy.host, silence_timeout=1) as client:
        result = client.sandbox(box.id).run_code("import time; time.sleep(4); print('awake')")
    assert result.stdout == "awake"
    assert sum(b"from_seq=" in head for head in proxy.requests) >= 1


def test_no_server() -> None:
    with Client("http://127.0.0.1:1") as client:
        with pytest.raises(errors.NotConnected, match="is it running") as caught:
            client.info()
        assert isinstance(caught.value, httpx.ConnectError)
        assert not client.healthz()


def test_a_server_that_is_only_starting(host: str, box: Sandbox) -> None:
    """What could not be sent at all is sent again, whatever it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with ExitStack() as stack, Client(f"http://127.0.0.1:{port}", retries=100) as client:
        later = threading.Timer(0.5, lambda: stack.enter_context(Proxy(host, port)))
        later.start()
        assert client.sandbox(box.id).run_code("print(1)").stdout == "1"
        later.join()


def test_a_wrong_key(host: str) -> None:
    with (
        Client(host, api_key="pf_live_wrong") as client,
        pytest.raises(errors.InvalidApiKey) as caught,
    ):
        Sandbox(client=client)
        assert caught.value.response.status_code == 401


def test_another_key_sees_nothing(host: str, box: Sandbox) -> None:
    other_key = os.environ["SDK_TEST_OTHER_KEY"]
    with Client(host, api_key=other_key) as client, pytest.raises(errors.SandboxNotFound):
        client.sandbox(box.id).run_code("print(1)")


def test_an_expired_sandbox(create: Create) -> None:
    sandbox = create(timeout_seconds=1)
    result = sandbox.run_code("import time\nprint('on', flush=True)\ntime.sleep(100)")
    assert result.reason == "sandbox_closed"
    with pytest.raises(errors.Gone) as caught:
        sandbox.run_code("print(1)")
    assert caught.value.details["reason"] == "timeout"
    sandbox.close()


def test_nonsense(proxy: Proxy, through: Client, box: Sandbox) -> None:
    sandbox = through.sandbox(box.id)
    proxy.answers = [answer("200 OK", "<html>a proxy's page</html>")]
    with pytest.raises(errors.BadAnswer):
        sandbox.info()
    proxy.answers = [answer("200 OK", '{"type":"exit"}\n', X_Exec_Id="exe_1")]
    with pytest.raises(errors.BadAnswer):
        sandbox.run_code("print(1)")
    proxy.answers = [answer("418 Teapot", "short and stout")]
    with pytest.raises(errors.ApiError) as caught:
        sandbox.info()
    assert (caught.value.status, caught.value.code) == (418, "http_418")


def test_a_download_goes_on_where_it_was_cut(proxy: Proxy, through: Client, box: Sandbox) -> None:
    data = os.urandom(5 << 20)
    box.files.write("/root/big", data)
    proxy.cuts = [1 << 20, 2 << 20]
    assert through.sandbox(box.id).files.read("/root/big") == data
    assert sum(b"range: bytes=" in head.lower() for head in proxy.requests) == 2
    proxy.requests.clear()
    proxy.cuts = [1 << 20]
    pieces = through.sandbox(box.id).files.stream("/root/big")
    next(pieces)
    box.files.write("/root/big", b"changed" * (1 << 20))
    with pytest.raises((errors.BadAnswer, errors.ConnectionBroken)):
        for _ in pieces:
            pass


def test_an_upload_goes_on_where_it_was_cut(host: str, box: Sandbox) -> None:
    """The connection breaks while the body is on its way."""
    from podflare._sources import PIECE, Source

    data = os.urandom(8 << 20)
    with Proxy(host) as proxy, Client(proxy.host) as client:
        sent: list[int] = []
        pieces = Source.pieces

        def breaking(self: Source, offset: int) -> Iterator[bytes]:
            sent.append(offset)
            for number, piece in enumerate(pieces(self, offset)):
                if number == 12 and len(sent) == 1:
                    raise httpx.WriteError("cut")
                yield piece

        Source.pieces = breaking  # type: ignore[method-assign]
        try:
            written = client.sandbox(box.id).files.write("/root/uploaded", data)
        finally:
            Source.pieces = pieces  # type: ignore[method-assign]
    assert written.size == len(data)
    assert len(sent) == 2
    assert 0 <= sent[1] <= 12 * PIECE
    assert box.files.read("/root/uploaded") == data


def test_events_go_on_after_a_cut(proxy: Proxy, through: Client, client: Client) -> None:
    *_, last = [0, *(event.id for event in client.events(after=0, follow=False))]
    proxy.only = lambda head: b"/v1/events" in head
    proxy.cuts = [900, 700]
    with Sandbox(client=client) as sandbox:
        for child in sandbox.fork(2):
            child.close()
    ids: list[int] = []
    for event in through.events(after=last):
        ids.append(event.id)
        if event.type == "sandbox.closed" and event.sandbox_id == sandbox.id:
            break
    assert ids == [event.id for event in client.events(after=last, follow=False)][: len(ids)]
    assert len(proxy.requests) >= 2


def test_a_terminal_goes_on_after_a_cut(proxy: Proxy, through: Client, box: Sandbox) -> None:
    terminal = through.sandbox(box.id).pty.open("stty -opost; seq 1 20000; exit 4")
    proxy.only = lambda head: b"/attach" in head
    proxy.cuts = [3000, 30000, 10]
    text = b"".join(terminal.output())
    assert text == b"".join(b"%d\n" % i for i in range(1, 20001))


def test_errors_can_be_sent_to_other_processes(client: Client) -> None:
    with pytest.raises(errors.SandboxNotFound) as caught:
        client.sandbox("sbx_" + "0" * 32).info()
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is errors.SandboxNotFound
    assert (again.code, again.status, str(again)) == ("sandbox_not_found", 404, str(caught.value))
    assert again.help == caught.value.help
