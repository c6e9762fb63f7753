"""Terminals, as the unmodified client uses them."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from podflare import Client, Sandbox

from support import Create

SECONDS = 60.0
PROMPT = {"PS1": "$ ", "HISTFILE": ""}
SHELL = ["bash", "--norc", "-i"]


class Screen:
    """What a terminal has said. Its methods are called on the client's thread."""

    def __init__(self) -> None:
        self._text = b""
        self._changed = threading.Condition()
        self.codes: list[int] = []

    def data(self, data: bytes) -> None:
        with self._changed:
            self._text += data
            self._changed.notify_all()

    def exit(self, code: int) -> None:
        self.codes.append(code)

    def wait_for(self, text: str) -> str:
        with self._changed:
            found = self._changed.wait_for(lambda: text.encode() in self._text, SECONDS)
            assert found, f"no {text!r} in {self._text!r}"
            return self._text.decode()

    def wait_for_prompt(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._text.endswith(b"$ "), SECONDS)

    def ask(self, handle: object, line: str, answer: str) -> str:
        """Types a line whose words are not in its answer."""
        with self._changed:
            self._text = b""
        handle.send_input(line + "\n")  # type: ignore[attr-defined]
        return self.wait_for(answer)


def test_create_runs_a_command_line_in_a_login_shell(sandbox: Sandbox) -> None:
    screen = Screen()
    handle = sandbox.pty.create(
        cmd="tty; stty size; pwd; echo $A; shopt login_shell; exit 7",
        cols=100,
        rows=40,
        env={"A": "b c"},
        cwd="/tmp",
        on_data=screen.data,
        on_exit=screen.exit,
    )
    assert handle.id.startswith("pty_")
    assert handle.wait(SECONDS) == 7
    text = screen.wait_for("login_shell")
    assert text.startswith("/dev/pts/")
    assert "40 100\r\n/tmp\r\nb c\r\n" in text
    assert text.split()[-1] == "on"
    assert screen.codes == [7]


def test_input_resize_and_job_control(sandbox: Sandbox) -> None:
    screen = Screen()
    handle = sandbox.pty.create(cmd=SHELL, env=PROMPT, on_data=screen.data)
    screen.wait_for("$ ")
    handle.resize(132, 43)
    screen.ask(handle, "stty size", "43 132")
    screen.ask(handle, "echo o$((1))n; cat", "o1n\r\n")  # the shell has let go of the keys
    screen.ask(handle, "twice", "twice\r\ntwice\r\n")
    handle.send_input(b"\x03")
    screen.wait_for("^C")
    screen.wait_for_prompt()  # what is typed before may be lost, on any terminal
    screen.ask(handle, "echo code=$?", "code=130")
    listed = {one.pty_id: one for one in sandbox.pty.list()}
    assert listed[handle.id].cmd_label == "bash --norc -i"
    assert listed[handle.id].exit_code is None
    assert abs(listed[handle.id].created_at_ms - time.time() * 1000) < 5 * 60_000
    handle.send_input("exit 3\n")
    assert handle.wait(SECONDS) == 3
    assert {one.pty_id: one for one in sandbox.pty.list()}[handle.id].exit_code == 3


def test_attach_replays_and_both_see_what_comes(sandbox: Sandbox) -> None:
    first, second = Screen(), Screen()
    handle = sandbox.pty.create(cmd=SHELL, env=PROMPT, on_data=first.data)
    first.wait_for("$ ")
    first.ask(handle, "echo be$((1))fore", "be1fore")
    other = sandbox.pty.attach(handle.id, on_data=second.data, on_exit=second.exit)
    assert other.id == handle.id
    second.wait_for("be1fore")
    second.ask(other, "echo af$((1))ter", "af1ter")
    first.wait_for("af1ter")
    other.kill()
    assert handle.wait(SECONDS) == 137
    assert other.wait(SECONDS) == 137
    assert second.codes == [137]


def test_a_terminal_goes_on_when_its_creator_is_gone(client: Client, sandbox: Sandbox) -> None:
    stream = client.pty_create_stream(sandbox.id, {"argv": SHELL, "env": [["PS1", "$ "]]})
    ready = next(event for event in stream if event.get("type") == "pty_ready")
    stream.close()  # type: ignore[attr-defined]
    screen = Screen()
    handle = sandbox.pty.attach(ready["session_id"], on_data=screen.data)
    screen.wait_for("$ ")
    screen.ask(handle, "echo go$((1))es", "go1es")
    handle.send_input("exit\n")
    assert handle.wait(SECONDS) == 0


def test_read_goes_on_where_it_was(client: Client, sandbox: Sandbox) -> None:
    handle = sandbox.pty.create(cmd="read x; stty -opost; seq 1 50000; exit 4")
    handle.send_input("\n")
    text, position = b"", 0
    end = time.monotonic() + SECONDS
    while True:
        assert time.monotonic() < end
        answer = client.pty_read(sandbox.id, handle.id, position)
        assert not answer["truncated"]
        data = base64.b64decode(answer["data_b64"])
        assert answer["next_seq"] == position + len(data)
        text, position = text + data, answer["next_seq"]
        if answer["exit_code"] is not None:
            break
    assert answer["exit_code"] == 4
    assert text.split()[-1] == b"50000"
    assert len(text.split()) == 50000


def test_each_fork_has_its_copy(create: Create) -> None:
    parent = create()
    screen = Screen()
    handle = parent.pty.create(cmd=SHELL, env=PROMPT, on_data=screen.data)
    screen.wait_for("$ ")
    screen.ask(handle, "x=pa; echo ${x}rent", "parent")
    (child,) = parent.fork(1)
    try:
        its = Screen()
        copy = child.pty.attach(handle.id, on_data=its.data)
        its.ask(copy, "echo co${x}py", "copapy")
        screen.ask(handle, "echo own-${x}", "own-pa")
    finally:
        child.close()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda c, s: c.pty_input(s.id, "pty_0", b"x"), id="input"),
        pytest.param(lambda c, s: c.pty_resize(s.id, "pty_0", 80, 24), id="resize"),
        pytest.param(lambda c, s: c.pty_kill(s.id, "pty_0"), id="kill"),
        pytest.param(lambda c, s: c.pty_read(s.id, "pty_0", 0), id="read"),
        pytest.param(lambda c, s: next(c.pty_attach_stream(s.id, "pty_0")), id="attach"),
    ],
)
def test_unknown_terminals_are_refused(
    client: Client, sandbox: Sandbox, call: Callable[[Client, Sandbox], object]
) -> None:
    with pytest.raises(httpx.HTTPStatusError) as caught:
        call(client, sandbox)
    assert caught.value.response.status_code == 404
