"""Signals to process groups: a call's process leads one."""

import os
import signal
from collections.abc import Iterator

from .output import Call


def signal_group(group: int, call: Call, name: str) -> None:
    """`name`: INT, TERM or KILL. Stopped processes hear it too."""
    number = {"INT": signal.SIGINT, "TERM": signal.SIGTERM, "KILL": signal.SIGKILL}[name]
    call.signalled = True
    if number != signal.SIGINT:
        call.killed = True
    try:
        os.killpg(group, number)
        os.killpg(group, signal.SIGCONT)
    except ProcessLookupError:
        pass


def signal_process(pid: int, call: Call, order: str) -> None:
    """`order`: the signal's number and how far it goes: `one`, `group` or `session`. Exactly that signal is sent."""
    word, _, reach = order.partition(" ")
    number = int(word)
    call.signalled = True
    if number == signal.SIGKILL:
        call.killed = True
    try:
        if reach == "group":
            os.killpg(pid, number)
            return
        for each in {pid, *session_members(pid)} if reach == "session" else {pid}:
            os.kill(each, number)
    except OSError:
        pass  # it has ended, or there is no such signal


def kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def group_members(group: int) -> Iterator[int]:
    """Pids, zombies included, as /proc tells them."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            pid = int(name)
            try:
                if os.getpgid(pid) == group:
                    yield pid
            except ProcessLookupError:
                pass


def session_members(session: int) -> Iterator[int]:
    """Pids, zombies included, of what runs in the session that this process leads."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            pid = int(name)
            try:
                if os.getsid(pid) == session:
                    yield pid
            except OSError:
                pass


def exit_code(status: int) -> int:
    """Of what waitpid tells: 128 and the signal's number for what a signal ended, as in a shell."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
