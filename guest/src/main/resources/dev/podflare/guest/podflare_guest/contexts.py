"""Interpreters beside the first one, each with its own queue, folder and variables."""

import json
import os
import time

from .output import Call, Sink
from .python_calls import PythonCalls
from .script_calls import BASH, ScriptCalls, kill_group
from .spawn import Spawner, which
from .system import oom_kills, refusals

MAX_CONTEXTS = 64
PROGRAMS = {"python": "python3", "bash": "bash", "javascript": "node"}


class PythonContext(PythonCalls):
    """An interpreter that is never leased the port, and can be ended."""

    closed = False

    def start(self, warm: bool) -> None:
        if not self.closed:
            super().start(warm)

    @property
    def busy(self) -> bool:
        return self._current is not None

    def interrupt(self) -> None:
        if self._current is not None:
            self.signal(self._current, "INT")

    def close(self) -> None:
        self.closed = True
        for item in list(self._waiting):
            self._cancel_waiting(item.call)
        if self._current is not None:
            self._current.killed = True
        if self.pid:
            kill_group(self.pid)

    def _start_failed(self, message: str) -> None:
        if self.closed:
            self._leasing.close()
        super()._start_failed(message)

    def _replace(self) -> None:
        if self.closed:
            self._leasing.close()
        super()._replace()


class Context:
    def __init__(
        self,
        number: str,
        language: str,
        cwd: str,
        variables: dict[str, str],
        calls: PythonContext | ScriptCalls,
    ) -> None:
        self.id = number
        self.language = language
        self.cwd = cwd
        self.variables = variables
        self.calls = calls
        self.created = time.time_ns() // 1_000_000

    def view(self) -> dict[str, object]:
        return {
            "id": self.id,
            "language": self.language,
            "cwd": self.cwd,
            "busy": self.calls.busy,
            "created_ms": self.created,
        }


class Contexts:
    def __init__(self, sink: Sink, spawner: Spawner, first: bool, run_folder: str) -> None:
        self._sink = sink
        self._spawner = spawner
        self._first = first
        self._run_folder = run_folder
        self._by_id: dict[str, Context] = {}
        self._closing: list[PythonContext | ScriptCalls] = []
        self._of_call: dict[int, PythonContext | ScriptCalls] = {}

    def languages(self) -> list[str]:
        environment = self._spawner.environment
        return [
            name for name, program in PROGRAMS.items() if os.access(which(program, environment), os.X_OK)
        ]

    def answer(self, payload: bytes) -> bytes:
        """Does what the host asks: `open`, `close`, `interrupt`, `restart` or `list`."""
        request = json.loads(payload)
        do = request.get("do")
        number = str(request.get("id", ""))
        if do == "open":
            return _json(self._open(number, request))
        if do == "list":
            return _json({"contexts": [context.view() for context in self._by_id.values()]})
        context = self._by_id.get(number)
        if context is None:
            return _json({"error": "unknown"})
        if do == "close" or do == "restart":
            del self._by_id[number]
            self._close(context.calls)
        if do == "restart":
            return _json(self._open(number, {**context.view(), "env": context.variables}))
        if do == "interrupt":
            context.calls.interrupt()
        return _json({"context": context.view()})

    def _open(self, number: str, request: dict[str, object]) -> dict[str, object]:
        language = str(request.get("language"))
        if language not in self.languages():
            return {"error": "language", "languages": self.languages()}
        if len(self._by_id) >= MAX_CONTEXTS:
            return {"error": "limit", "most": MAX_CONTEXTS}
        cwd = str(request.get("cwd") or self._spawner.home)
        if not os.path.isdir(cwd):
            return {"error": "cwd"}
        env = request.get("env")
        variables = {str(k): str(v) for k, v in env.items()} if isinstance(env, dict) else {}
        spawner = self._spawner.like(variables, cwd)
        calls = self._make(language, spawner)
        self._by_id[number] = Context(number, language, cwd, variables, calls)
        return {"context": self._by_id[number].view()}

    def _make(self, language: str, spawner: Spawner) -> PythonContext | ScriptCalls:
        program = which(PROGRAMS[language], spawner.environment)
        if language == "python":
            oom, refused = oom_kills(self._first), refusals(self._first)
            calls = PythonContext(self._sink, spawner, oom, refused, self._run_folder)
            calls.start(warm=False)
            return calls
        if language == "bash":
            argv = [program, "--noprofile", "--norc", "-c", BASH, "bash"]
        else:
            driver = os.path.join(os.path.dirname(os.path.abspath(__file__)), "driver.js")
            argv = [program, driver]
        return ScriptCalls(self._sink, spawner, self._run_folder, argv)

    def _close(self, calls: PythonContext | ScriptCalls) -> None:
        if calls.pid:
            self._closing.append(calls)
        calls.close()

    def submit(self, call: Call, request: dict[str, object], path: str | None) -> bool:
        """False: there is no such context. OSError: no room for the code."""
        context = self._by_id.get(str(request["context"]))
        if context is None:
            return False
        self._of_call[call.number] = context.calls
        context.calls.submit(call, request, path)
        return True

    def signal(self, call: Call, name: str) -> bool:
        """Whether it is a call of a context."""
        calls = self._of_call.get(call.number)
        if calls is not None:
            calls.signal(call, name)
        return calls is not None

    def forget(self, number: int) -> None:
        """The call has ended."""
        self._of_call.pop(number, None)

    def _all(self) -> list[PythonContext | ScriptCalls]:
        return [context.calls for context in self._by_id.values()] + self._closing

    def stopped(self, pid: int) -> bool:
        return any(calls.pid == pid for calls in self._all())

    def died(self, pid: int, status: int) -> bool:
        """Whether it was a context's process."""
        for calls in self._all():
            if calls.pid == pid:
                calls.died(status)
                if calls in self._closing:
                    self._closing.remove(calls)
                return True
        return False


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body).encode()
