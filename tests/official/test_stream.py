"""Events as they come."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import pytest
from podflare import Event, ExecResult, Sandbox

from support import Create

PYTHON_WAITS = (
    "import os, time\n"
    "print('ready')\n"
    "while not os.path.exists('/tmp/go'): time.sleep(0.01)\n"
    "print('gone')"
)
BASH_WAITS = "echo ready; until [ -e /tmp/go ]; do sleep 0.01; done; echo gone"


@pytest.mark.parametrize(("language", "code"), [("python", PYTHON_WAITS), ("bash", BASH_WAITS)])
def test_output_arrives_while_the_code_runs(sandbox: Sandbox, language: str, code: str) -> None:
    """The code goes on only after its first line was seen here, so it cannot be late."""
    sandbox.run_code("rm -f /tmp/go", language="bash")
    events = sandbox.run_code_stream(code, language=language)
    assert next(events).data == "ready"
    assert sandbox.run_code("touch /tmp/go", language="bash").exit_code == 0
    assert [event.data for event in events] == ["gone", 0]


def test_events_are_numbered_and_dated(sandbox: Sandbox) -> None:
    before = int(time.time() * 1000)
    events = list(
        sandbox.run_code_stream(
            "import sys\nfor i in range(100):\n    print(i)\n    print(-i, file=sys.stderr)\n6 * 7"
        )
    )
    after = int(time.time() * 1000)
    assert [event.seq for event in events] == list(range(201))
    for stream, sign in (("stdout", 1), ("stderr", -1)):
        data = [event.data for event in events if event.type == stream]
        assert data == [str(sign * i) for i in range(100)]
    assert (events[-1].type, events[-1].data) == ("exit", 0)
    times = [event.ts for event in events]
    assert times == sorted(times)
    assert before - 1 <= times[0] and times[-1] <= after + 1


def test_both_streams_keep_the_order_of_writing(sandbox: Sandbox) -> None:
    code = (
        "import sys, time\n"
        "for i in range(4):\n"
        "    print('out', i); time.sleep(0.05); print('err', i, file=sys.stderr); time.sleep(0.05)"
    )
    data = [event.data for event in sandbox.run_code_stream(code)][:-1]
    assert data == [f"{stream} {i}" for i in range(4) for stream in ("out", "err")]


def test_silence_of_35_seconds_is_no_end(
    silent_call: Future[tuple[ExecResult, float]],
) -> None:
    """The client gives up after 30 s without a byte: the server has to send something meanwhile."""
    result, seconds = silent_call.result(80)
    assert result == ExecResult("awake", "", 0)
    assert seconds >= 35


def test_a_reader_that_leaves_does_not_end_the_work(sandbox: Sandbox) -> None:
    events = sandbox.run_code_stream(
        "import time\nprint('on')\ntime.sleep(1)\nopen('/tmp/done', 'w').write('yes')\nleft = True"
    )
    assert next(events).data == "on"
    events.close()
    assert sandbox.run_code("print(left, open('/tmp/done').read())").stdout == "True yes"


def test_bash_does_not_wait_for_python(sandbox: Sandbox) -> None:
    events = sandbox.run_code_stream(
        "import os, time\nprint('on')\nwhile not os.path.exists('/tmp/side'): time.sleep(0.01)"
    )
    assert next(events).data == "on"
    assert sandbox.run_code("touch /tmp/side; echo side", language="bash").stdout == "side"
    assert next(events).data == 0


def test_python_calls_wait_for_each_other(sandbox: Sandbox) -> None:
    events = sandbox.run_code_stream("import time\nprint('on')\ntime.sleep(1)\norder = ['first']")
    assert next(events).data == "on"
    answers: list[str] = []
    code = "order.append('second'); print(order)"
    second = threading.Thread(target=lambda: answers.append(sandbox.run_code(code).stdout))
    second.start()
    assert next(events).data == 0
    second.join(30)
    assert answers == ["['first', 'second']"]


def test_the_replay_has_what_happened(create: Create) -> None:
    sandbox: Sandbox = create()
    seen: list[Event] = []
    seen += sandbox.run_code_stream("print('one\u2028')")
    seen += sandbox.run_code_stream("echo two >&2; exit 2", language="bash")
    assert [(e.type, e.data) for e in seen] == [
        ("stdout", "one\u2028"),
        ("exit", 0),
        ("stderr", "two"),
        ("exit", 2),
    ]
    assert sandbox.replay() == seen
    sandbox.run_code("for i in range(3000): print(i)")
    replay = sandbox.replay()
    assert len(replay) == 1000
    assert [event.data for event in replay[-3:]] == ["2998", "2999", 0]
