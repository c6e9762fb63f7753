"""Terminals with callbacks, under the official client's names."""

from __future__ import annotations

import base64
import builtins
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from podflare._sync.terminals import Terminals

if TYPE_CHECKING:
    from podflare._sync.terminals import Terminal

OnData = Callable[[bytes], object]
OnExit = Callable[[int], object]


class PtyHandle:
    """A terminal whose output a thread reads. The terminal runs on when this is closed."""

    def __init__(self, terminal: Terminal, on_data: OnData | None, on_exit: OnExit | None) -> None:
        self.terminal = terminal
        self._on_data = on_data
        self._on_exit = on_exit
        self._ended = threading.Event()
        self._code: int | None = None
        self._failure: BaseException | None = None
        self._closed = False
        name = f"podflare-{terminal.id}"
        threading.Thread(target=self._follow, name=name, daemon=True).start()

    @property
    def id(self) -> str:
        return self.terminal.id

    def send_input(self, data: bytes | str) -> None:
        """Types; text as UTF-8."""
        self.terminal.input(data)

    def resize(self, cols: int, rows: int) -> None:
        self.terminal.resize(cols, rows)

    def kill(self) -> None:
        """Kills all that runs in it."""
        self.terminal.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the program's end; its exit code.

        :raises TimeoutError: after so many seconds
        """
        if not self._ended.wait(timeout):
            raise TimeoutError(f"{self.id} has not ended after {timeout} s")
        if self._code is None:
            raise self._failure or RuntimeError(f"{self.id} is not followed any more")
        return self._code

    def close(self) -> None:
        """Follows it no more."""
        self._closed = True
        self._ended.set()

    def _follow(self) -> None:
        try:
            for line in self.terminal.lines():
                if self._closed:
                    return
                if line["type"] == "pty_data" and self._on_data is not None:
                    self._on_data(base64.b64decode(line["data_b64"]))
                elif line["type"] == "pty_exit":
                    self._code = int(line["data"])
            if self._code is not None and self._on_exit is not None:
                self._on_exit(self._code)
        except Exception as failure:  # who waits is told
            self._failure = failure
        finally:
            self._ended.set()


class PtyNamespace(Terminals):
    """The terminals of one sandbox."""

    def create(
        self,
        *,
        cmd: str | builtins.list[str],
        cols: int = 80,
        rows: int = 24,
        on_data: OnData | None = None,
        on_exit: OnExit | None = None,
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        timeout_ms: int = 300_000,
    ) -> PtyHandle:
        """Starts a program on a terminal of its own; ``on_data`` hears of its output and
        ``on_exit`` of its end, on a thread. ``timeout_ms`` is taken for programs that give it: a
        terminal lives until its program ends, or its sandbox."""
        terminal = self.open(cmd, cols=cols, rows=rows, env=env, cwd=cwd)
        return PtyHandle(terminal, on_data, on_exit)

    def attach(
        self, pty_id: str, *, on_data: OnData | None = None, on_exit: OnExit | None = None
    ) -> PtyHandle:
        """Follows a terminal: the last 1 MiB of its output, then what comes. ``PtyNotFound`` if
        there is none."""
        terminal = self.get(pty_id)
        terminal.read(0, 1, 0)  # says so now, and not to the thread
        return PtyHandle(terminal, on_data, on_exit)
