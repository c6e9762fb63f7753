"""Terminals: by callbacks, by streams and by WebSocket."""

from __future__ import annotations

import threading

import pytest

from podflare import Sandbox, errors
from support import SECONDS

SHELL = ["bash", "--norc", "-i"]
PROMPT = {"PS1": "$ ", "HISTFILE": ""}


class Screen:
    def __init__(self) -> None:
        self._text = b""
        self._changed = threading.Condition()
        self.codes: list[int] = []

    def data(self, data: bytes) -> None:
        with self._changed:
            self._text += data
            self._changed.notify_all()

    def wait_for(self, text: str) -> str:
        with self._changed:
            found = self._changed.wait_for(lambda: text.encode() in self._text, SECONDS)
            assert found, f"no {text!r} in {self._text!r}"
            return self._text.decode()


def test_callbacks(box: Sandbox) -> None:
    screen = Screen()
    handle = box.pty.create(
        cmd="stty size; pwd; echo $A; read x; echo got $x; exit 7",
        cols=100,
        rows=40,
        env={"A": "b c"},
        cwd="/tmp",
        on_data=screen.data,
        on_exit=screen.codes.append,
    )
    screen.wait_for("40 100\r\n/tmp\r\nb c\r\n")
    with pytest.raises(TimeoutError):
        handle.wait(0.01)
    handle.resize(cols=132, rows=43)
    handle.send_input("it\n")
    assert handle.wait(SECONDS) == 7
    assert "got it" in screen.wait_for("got")
    assert screen.codes == [7]
    listed = {one.pty_id: one for one in box.pty.list()}[handle.id]
    assert (listed.exit_code, listed.cols) == (7, 132)


def test_attach_and_kill(box: Sandbox) -> None:
    first, second = Screen(), Screen()
    handle = box.pty.create(cmd=SHELL, env=PROMPT, on_data=first.data)
    first.wait_for("$ ")
    handle.send_input("echo be$((1))fore\n")
    first.wait_for("be1fore")
    other = box.pty.attach(handle.id, on_data=second.data)
    second.wait_for("be1fore")
    other.kill()
    assert handle.wait(SECONDS) == 137
    assert other.wait(SECONDS) == 137
    with pytest.raises(errors.PtyNotFound):
        box.pty.attach("pty_0")


def test_a_handle_without_callbacks(box: Sandbox) -> None:
    terminal = box.pty.open("echo one; exit 3")
    assert b"one" in b"".join(terminal.output())
    assert terminal.wait() == 3
    read = terminal.read(0, timeout_ms=0)
    assert b"one" in read.data
    assert read.exit_code == 3
    with pytest.raises(errors.PtyClosed):
        terminal.input("x")


def test_a_websocket(box: Sandbox) -> None:
    terminal = box.pty.open(SHELL, env=PROMPT)
    with terminal.connect() as connection:
        connection.resize(132, 43)
        connection.send("stty size; echo a$((1))b\n")
        text = b""
        for piece in connection:
            text += piece
            if b"a1b" in text:
                break
        assert b"43 132" in text
    with terminal.connect() as again:
        again.send(b"exit 9\n")
        assert b"a1b" in b"".join(again)
        assert again.exit_code == 9
    with pytest.raises(errors.PtyNotFound) as caught:
        box.pty.get("pty_0").connect()
    assert caught.value.status == 404
