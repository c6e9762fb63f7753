"""Interpreters beside the first one, each with its own queue, folder and variables."""

import json
import os
import time

from .languages import available, command
from .output import Call, Sink
from .python_calls import PythonCalls
from .script_calls import ScriptCalls
from .script_process import ScriptProcess
from .signals import kill_group
from .spares import Spares
from .spawn import Spawner
from .system import Identity, oom_kills, refusals

# Unless the host says otherwise.
MAX_CONTEXTS = 64


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
    def __init__(
        self, sink: Sink, spawner: Spawner, first: bool, identity: Identity, run_folder: str
    ) -> None:
        self.spares = Spares(sink, spawner, identity, run_folder)
        self._sink = sink
        self._spawner = spawner
        self._first = first
        self._run_folder = run_folder
        self._by_id: dict[str, Context] = {}
        self._closing: list[PythonContext | ScriptCalls] = []
        self._of_call: dict[int, PythonContext | ScriptCalls] = {}

    def languages(self) -> list[str]:
        return available(self._spawner.environment)

    def answer(self, payload: bytes) -> bytes:
        """Does what the host asks: `open`, `close`, `interrupt`, `restart`, `list` or `warm`."""
        request = json.loads(payload)
        do = request.get("do")
        number = str(request.get("id", ""))
        if do == "open":
            return _json(self._open(number, request))
        if do == "list":
            return _json({"contexts": [context.view() for context in self._by_id.values()]})
        if do == "warm":
            return _json(self.spares.warm([str(name) for name in request.get("languages", [])]))
        context = self._by_id.get(number)
        if context is None:
            return _json({"error": "unknown"})
        if do == "close" or do == "restart":
            del self._by_id[number]
            self._close(context.calls)
        if do == "restart":
            again = {"env": context.variables, "most": len(self._by_id) + 1}
            return _json(self._open(number, {**context.view(), **again}))
        if do == "interrupt":
            context.calls.interrupt()
        return _json({"context": context.view()})

    def _open(self, number: str, request: dict[str, object]) -> dict[str, object]:
        language = str(request.get("language"))
        if language not in self.languages():
            return {"error": "language", "languages": self.languages()}
        most = request.get("most", MAX_CONTEXTS)
        if isinstance(most, int) and len(self._by_id) >= most:
            return {"error": "limit", "most": most}
        cwd = str(request.get("cwd") or self._spawner.home)
        if not os.path.isdir(cwd):
            return {"error": "cwd"}
        env = request.get("env")
        variables = {str(k): str(v) for k, v in env.items()} if isinstance(env, dict) else {}
        spawner = self._spawner.like(variables, cwd)
        calls = self._make(language, spawner, variables)
        self._by_id[number] = Context(number, language, cwd, variables, calls)
        return {"context": self._by_id[number].view()}

    def _make(
        self, language: str, spawner: Spawner, variables: dict[str, str]
    ) -> PythonContext | ScriptCalls:
        if language == "python":
            oom, refused = oom_kills(self._first), refusals(self._first)
            calls = PythonContext(self._sink, spawner, oom, refused, self._run_folder)
            calls.start(warm=False)
            return calls

        def start() -> ScriptProcess:
            argv = command(language, spawner.environment, self._run_folder, False)
            return ScriptProcess(self._sink, spawner, argv)

        spare = self.spares.take(language, spawner.home, variables)
        return ScriptCalls(self._sink, self._run_folder, start, spare)

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
        return any(calls.pid == pid for calls in self._all()) or pid in self.spares.pids()

    def died(self, pid: int, status: int) -> bool:
        """Whether it was a context's process."""
        for calls in self._all():
            if calls.pid == pid:
                calls.died(status)
                if calls in self._closing:
                    self._closing.remove(calls)
                return True
        return self.spares.died(pid)


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body).encode()
