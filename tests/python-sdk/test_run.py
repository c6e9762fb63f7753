"""Code, its output, its values and its exit code."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import islice

import pytest

from podflare import Event, ExecResult, Sandbox, errors
from support import Create, eventually

SHOWS = """
class Figure:
    def _repr_png_(self): return b'\\x89PNG\\r\\n\\x1a\\n' + b'pixels'
    def _repr_html_(self): return '<b>figure</b>'
    def __repr__(self): return 'Figure()'
class Bundle:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {'text/plain': 'Bundle()', 'application/vnd.podflare.chart+json': {'axes': [1]}}
"""


@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        ("print('a\\n\\nb')", "a\n\nb"),
        ("print('no newline', end='')", "no newline"),
        ("print()", ""),
        ("print('\\n')", "\n"),
        ("pass", ""),
        ("6 * 7", ""),
        ("print('naïve 日本語 🎉')", "naïve 日本語 🎉"),
    ],
)
def test_output_is_lines_that_are_joined(box: Sandbox, code: str, stdout: str) -> None:
    """As the official client has it, whatever the framing."""
    assert box.run_code(code) == ExecResult(stdout, "", 0)
    lines = [event.data for event in box.run_code_stream(code) if event.type == "stdout"]
    assert "\n".join(lines) == stdout


def test_a_result_tells_everything(box: Sandbox) -> None:
    result = box.run_code("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert result == ExecResult("out", "err", 3)
    assert not result.ok
    assert result.reason == "exited"
    assert result.exec_id.startswith("exe_")
    assert (result.stdout_bytes, result.stderr_bytes) == (b"out\n", b"err\n")
    assert not result.truncated


def test_bytes_that_are_no_text_are_kept(box: Sandbox) -> None:
    result = box.run_code("import sys; sys.stdout.buffer.write(b'\\xff\\xfe ok\\n') and None")
    assert result.stdout_bytes == b"\xff\xfe ok\n"
    assert result.stdout == "\ufffd\ufffd ok"


def test_values_show_themselves(box: Sandbox) -> None:
    box.run_code(SHOWS)
    result = box.run_code("Figure()")
    assert result.figures == [b"\x89PNG\r\n\x1a\npixels"]
    assert result.value is not None
    assert result.value.html == "<b>figure</b>"
    assert result.value.text == "Figure()"
    assert set(result._repr_mimebundle_()) >= {"image/png", "text/html", "text/plain"}
    assert set(result.value._repr_mimebundle_(include=["text/html"])) == {"text/html"}
    assert box.run_code("Bundle()").charts == [{"axes": [1]}]
    assert box.run_code("None").value is None
    assert box.run_code("print('x')")._repr_mimebundle_() == {"text/plain": "x"}


def test_an_exception_has_its_frames(box: Sandbox) -> None:
    result = box.run_code("def inner():\n    raise LookupError('deep')\n\ninner()")
    assert result.exit_code == 1
    assert result.exception is not None
    assert (result.exception.name, result.exception.value) == ("LookupError", "deep")
    assert [frame.function for frame in result.exception.frames] == ["<module>", "inner"]
    assert result.exception.frames[-1].source.strip() == "raise LookupError('deep')"
    assert "LookupError: deep" in result.stderr


def test_options_of_a_call(box: Sandbox) -> None:
    result = box.run_code(
        'pwd; echo "$WORD"; cat', "bash", cwd="/tmp", env={"WORD": "w"}, stdin="in"
    )
    assert result.stdout == "/tmp\nw\nin"
    result = box.run_code("import time\nprint('on')\ntime.sleep(60)", timeout_seconds=1)
    assert (result.stdout, result.exit_code, result.reason) == ("on", 124, "timeout")


def test_events_come_while_the_code_runs(box: Sandbox) -> None:
    box.run_code("rm -f /tmp/go", language="bash")
    code = "import os, time\nprint('on')\nwhile not os.path.exists('/tmp/go'): time.sleep(0.01)"
    events = box.run_code_stream(code)
    assert next(events).data == "on"
    assert box.run_code("touch /tmp/go", "bash").ok
    assert [(event.type, event.data) for event in events] == [("exit", 0)]
    chunks = list(box.run_code_stream("print('a'); 6 * 7", framing="chunks"))
    assert [event.type for event in chunks] == ["started", "stdout", "result", "exit"]
    assert [event.seq for event in chunks] == [0, 1, 2, 3]
    seen: list[Event] = []
    assert box.run_code("print('heard')", on_event=seen.append).ok
    assert [event.data for event in seen if event.type == "stdout"] == ["heard\n"]


def test_a_background_execution(box: Sandbox) -> None:
    exec_id = box.start_code("cat; exit 5", "bash", stdin_open=True)
    assert box.execution(exec_id).state in ("queued", "running")
    box.write_stdin(exec_id, "one\n")
    box.write_stdin(exec_id, b"two\n", eof=True)
    assert box.join(exec_id) == ExecResult("one\ntwo", "", 5)
    assert exec_id in [one.id for one in box.executions()]
    assert box.execution(exec_id).ended_at is not None
    assert [event.type for event in box.join_stream(exec_id)][-1] == "exit"


def test_cancel(box: Sandbox) -> None:
    box.run_code("kept = 'kept'")
    exec_id = box.start_code("import time\nprint('on')\ntime.sleep(100)")
    started, output = islice(box.join_stream(exec_id), 2)
    assert (started.data, output.data) == (exec_id, "on\n")  # it can be interrupted now
    box.cancel(exec_id)
    result = box.join(exec_id)
    assert (result.exit_code, result.reason) == (130, "cancelled")
    assert box.run_code("print(kept)").stdout == "kept"


def test_being_interrupted_interrupts_the_code(box: Sandbox) -> None:
    """What a KeyboardInterrupt does, at a place that the test can choose."""

    def stop(event: Event) -> None:
        if event.type == "stdout":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        box.run_code("import time\nprint('on')\ntime.sleep(100)", on_event=stop)
    ended = eventually(lambda: [one for one in box.executions()[:1] if one.state == "ended"])
    assert ended[0].reason == "cancelled"
    assert box.run_code("print(1)").stdout == "1"


def test_output_beyond_the_limit_is_left_out(host: str, box: Sandbox) -> None:
    from podflare import Client

    with Client(host, max_output_bytes=1000) as small:
        result = small.sandbox(box.id).run_code("print('x' * 5000)")
    assert result.stdout == "x" * 1000
    assert result.truncated


def test_replay(create: Create) -> None:
    sandbox = create()
    seen = list(sandbox.run_code_stream("print('one')"))
    seen += sandbox.run_code_stream("echo two >&2; exit 2", language="bash")
    assert sandbox.replay() == seen


def test_contexts(box: Sandbox) -> None:
    made = box.contexts.create("bash", cwd="/tmp", env={"WORD": "w"})
    assert made.language == "bash"
    box.run_code("x=1", context=made.context_id)
    assert box.run_code('echo "$x $WORD"; pwd', context=made.context_id).stdout == "1 w\n/tmp"
    assert made.context_id in [one.context_id for one in box.contexts.list()]
    box.contexts.restart(made.context_id)
    assert box.run_code('echo "[$x]"', context=made.context_id).stdout == "[]"
    box.contexts.remove(made.context_id)
    with pytest.raises(errors.ContextNotFound):
        box.run_code("echo", context=made.context_id)
    with pytest.raises(errors.LanguageNotAvailable):
        box.contexts.create("cobol")


def test_threads_share_a_sandbox(box: Sandbox) -> None:
    answers: dict[int, str] = {}

    def work(number: int) -> Callable[[], None]:
        def run() -> None:
            answers[number] = box.run_code(f"echo {number}", "bash").stdout

        return run

    threads = [threading.Thread(target=work(number)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert answers == {number: str(number) for number in range(6)}
