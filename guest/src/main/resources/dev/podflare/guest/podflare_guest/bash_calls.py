"""Bash calls, and processes that are started for themselves: one each, any number side by side."""

import os

from .output import Outlet, Sink
from .process_calls import Input, ProcessCall
from .signals import signal_group, signal_process
from .spawn import Spawner, which, why
from .system import LimitWatch
from .uploads import INLINE_LIMIT, discard, write_code

MAX_CALLS = 256


class BashCall(ProcessCall):
    def __init__(self, number: int, window: int, sink: Sink) -> None:
        super().__init__(number, window, sink)
        self.path: str | None = None


class BashCalls:
    def __init__(self, sink: Sink, spawner: Spawner, oom: LimitWatch, run_folder: str) -> None:
        self._sink = sink
        self._spawner = spawner
        self._oom = oom
        self._run_folder = run_folder
        self._by_pid: dict[int, BashCall] = {}

    def submit(self, call: BashCall, request: dict[str, object], path: str | None) -> None:
        try:
            if len(self._by_pid) >= MAX_CALLS:
                raise OSError(f"{MAX_CALLS} of them are running already")
            self._start(call, request, path)
        except (OSError, ValueError) as error:
            if path is not None:
                discard(path)
            if request.get("argv"):
                call.finish(126, "exited", why(error), lambda: None)
                return
            call.send(b"E", f"podflare: cannot start bash: {error}\n".encode())
            call.finish(126, "exited", None, lambda: None)

    def _start(self, call: BashCall, request: dict[str, object], path: str | None) -> None:
        environment = self._spawner.environment
        extra = request.get("env")
        if isinstance(extra, dict) and extra:
            environment = {**environment, **extra}
        cwd = str(request.get("cwd") or self._spawner.home)
        words = request.get("argv")
        if isinstance(words, list) and words:
            argv = [str(word) for word in words]
            program = argv[0] if "/" in argv[0] else which(argv[0], environment)
            self._spawn(call, argv, environment, cwd, bool(request.get("stdin")), program)
            call.send(b"A", call.pid.to_bytes(4, "big"))
            return
        if path is None:
            code = str(request["code"])
            if len(code) > INLINE_LIMIT:
                path = write_code(self._run_folder, f"call-{call.number}", code.encode("utf-8", "replace"))
        call.path = path
        argv = ["/bin/bash", "-c", code] if path is None else ["/bin/bash", path]
        self._spawn(call, argv, environment, cwd, bool(request.get("stdin")))

    def _spawn(
        self,
        call: BashCall,
        argv: list[str],
        environment: dict[str, str],
        cwd: str,
        stdin: bool,
        program: str | None = None,
    ) -> None:
        opened: list[int] = []

        def pipe() -> tuple[int, int]:
            ends = os.pipe2(os.O_CLOEXEC)
            opened.extend(ends)
            return ends

        try:
            out_read, out_write = pipe()
            err_read, err_write = pipe()
            if stdin:
                in_read, in_write = pipe()
            else:
                in_read = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
                opened.append(in_read)
            fds = {0: in_read, 1: out_write, 2: err_write}
            call.pid = self._spawner.spawn(argv, environment, cwd, fds, program=program)
        except (OSError, ValueError):
            for fd in opened:
                os.close(fd)
            raise
        for fd in (in_read, out_write, err_write):
            os.close(fd)
        if stdin:
            call.input = Input(self._sink, in_write, call)
        self._by_pid[call.pid] = call
        call.outlets = (
            Outlet(self._sink, out_read, b"O", lambda outlet: None),
            Outlet(self._sink, err_read, b"E", lambda outlet: None),
        )
        for outlet in call.outlets:
            outlet.call = call
        self._sink.loop.gather()

    def signal(self, call: BashCall, name: str) -> None:
        if call.pid and name[:1].isdigit():
            signal_process(call.pid, call, name)
        elif call.pid:
            signal_group(call.pid, call, name)

    def died(self, pid: int, status: int) -> bool:
        """Whether the process was one of ours. Its background children live on; their output is dropped."""
        call = self._by_pid.pop(pid, None)
        if call is None:
            return False
        code, reason = call.ended(status, self._oom)
        if call.path is not None:
            discard(call.path)
        self._sink.loop.stop_gathering()
        call.finish(code, reason, None, lambda: _let_go(call))
        return True


def _let_go(call: BashCall) -> None:
    for outlet in call.outlets:
        outlet.drop()
    call.outlets = ()
