"""The conformance scripts, by both forms of the SDK."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from podflare import AsyncClient, AsyncSandbox, Client, Event, ExecResult, Sandbox, errors

sys.path.insert(0, os.path.join(os.environ["SDK_TEST_ROOT"], "sdk", "conformance"))
import conformance

CALLS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "create": lambda client, a: client.create(**a),
    "connect": lambda client, a: client.sandbox(a["id"]),
    "resume_space": lambda client, a: client.resume(a.pop("space"), **a),
    "list": lambda client, a: client.sandboxes(**a),
    "spaces": lambda client, a: client.spaces.list(),
    "snapshots": lambda client, a: client.snapshots.list(),
    "get_space": lambda client, a: client.spaces.get(a["space"]),
    "delete_space": lambda client, a: client.spaces.delete(a["space"]),
    "delete_snapshot": lambda client, a: client.snapshots.delete(a["snapshot"]),
    "create_volume": lambda client, a: client.volumes.create(**a),
    "get_volume": lambda client, a: client.volumes.get(**a),
    "delete_volume": lambda client, a: client.volumes.delete(**a),
    "volumes": lambda client, a: client.volumes.list(),
    "info": lambda client, a: client.info(),
    "capacity": lambda client, a: client.capacity(),
    "healthz": lambda client, a: client.healthz(),
    "run_code": lambda box, a: box.run_code(**a),
    "run_code_stream": lambda box, a: box.run_code_stream(**a),
    "start_code": lambda box, a: box.start_code(**a),
    "join": lambda box, a: box.join(**a),
    "executions": lambda box, a: box.executions(),
    "execution": lambda box, a: box.execution(**a),
    "cancel": lambda box, a: box.cancel(**a),
    "write_stdin": lambda box, a: box.write_stdin(**a),
    "replay": lambda box, a: box.replay(),
    "fork": lambda box, a: box.fork(**a),
    "merge_into": lambda box, a: box.merge_into(**a),
    "fanout": lambda box, a: box.fanout(a.pop("codes", None) or a.pop("code"), **a),
    "diff": lambda box, a: box.diff(**a),
    "tree": lambda box, a: box.tree(),
    "record": lambda box, a: box.info(),
    "update": lambda box, a: box.update(**a),
    "network": lambda box, a: box.network(),
    "set_network": lambda box, a: box.set_network(**a),
    "pause": lambda box, a: box.pause(),
    "wake": lambda box, a: box.wake(),
    "freeze": lambda box, a: box.freeze(),
    "snapshot": lambda box, a: box.snapshot(**a),
    "rollback": lambda box, a: box.rollback(**a),
    "undo": lambda box, a: box.undo(**a),
    "upload": lambda box, a: box.upload(a["data"], a["path"]),
    "download": lambda box, a: box.download(a["path"]),
    "read_file": lambda box, a: box.files.read(**a),
    "write_file": lambda box, a: box.files.write(**a),
    "list_files": lambda box, a: box.files.list(**a),
    "stat_file": lambda box, a: box.files.stat(**a),
    "make_folder": lambda box, a: box.files.make_folder(**a),
    "move_file": lambda box, a: box.files.move(**a),
    "remove_file": lambda box, a: box.files.remove(**a),
    "create_context": lambda box, a: box.contexts.create(**a),
    "list_contexts": lambda box, a: box.contexts.list(),
    "restart_context": lambda box, a: box.contexts.restart(a["context"]),
    "remove_context": lambda box, a: box.contexts.remove(a["context"]),
    "start_process": lambda box, a: box.processes.start(**a),
    "processes": lambda box, a: box.processes.list(),
    "process": lambda box, a: box.processes.get(a["process"]).info(),
    "guest_processes": lambda box, a: box.processes.in_guest(),
    "signal_process": lambda box, a: box.processes.get(a.pop("process")).signal(**a),
    "end_process": lambda box, a: box.processes.get(a["process"]).end(),
    "wait_process": lambda box, a: box.processes.get(a.pop("process")).wait(**a),
    "write_process": lambda box, a: box.processes.get(a.pop("process")).write_stdin(**a),
    "process_logs": lambda box, a: box.processes.get(a.pop("process")).logs(**a),
    "wait_for_port": lambda box, a: listening(box, a).wait_for_port(**a),
    "wait_for_log": lambda box, a: box.processes.get(a.pop("process")).wait_for_log(**a),
    "open_terminal": lambda box, a: box.pty.open(**a),
    "type_terminal": lambda box, a: box.pty.get(a["pty"]).input(a["data"]),
    "resize_terminal": lambda box, a: box.pty.get(a["pty"]).resize(a["cols"], a["rows"]),
    "kill_terminal": lambda box, a: box.pty.get(a["pty"]).kill(),
    "wait_terminal": lambda box, a: box.pty.get(a["pty"]).lines(),
    "terminals": lambda box, a: box.pty.list(),
    "port_link": lambda box, a: box.port_link(**a),
    "close": lambda box, a: box.close(),
    "delete": lambda box, a: box.delete(),
}


def listening(box: Any, arguments: dict[str, Any]) -> Any:
    """Who is asked for a port: a process, or the sandbox."""
    process = arguments.pop("process", None)
    return box if process is None else box.processes.get(process)


def terminal(lines: list[dict[str, Any]]) -> dict[str, Any]:
    output = b"".join(base64.b64decode(line.get("data_b64", "")) for line in lines)
    return {"exit_code": lines[-1]["data"], "output": output.decode()}


FORMS: dict[str, Callable[[Any], Any]] = {
    "start_code": lambda exec_id: {"exec_id": exec_id},
    "start_process": lambda started: {"process_id": started.id},
    "guest_processes": lambda told: told.processes,
    "open_terminal": lambda opened: {"pty_id": opened.id},
    "wait_terminal": terminal,
}


def neutral(value: Any) -> Any:
    if isinstance(value, ExecResult):
        return {
            **{key: getattr(value, key) for key in ("stdout", "stderr", "exit_code", "reason")},
            **{"exec_id": value.exec_id, "truncated": value.truncated},
            "results": [dict(one.data) for one in value.results],
            "exception": neutral(value.exception),
        }
    if isinstance(value, Event):
        told = {"type": value.type, "data": value.data, "seq": value.seq}
        return told if value.reason is None else {**told, "reason": value.reason}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: neutral(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, list):
        return [neutral(each) for each in value]
    return value


class SdkRunner:
    """Both forms have the same names; ``wait`` makes of what they give what there is."""

    def __init__(self, client: Client | AsyncClient, wait: Callable[[Any], Any]) -> None:
        self._client = client
        self._wait = wait

    def call(self, name: str, on: Any, arguments: dict[str, Any]) -> Any:
        try:
            result = self._wait(CALLS[name](on or self._client, dict(arguments)))
        except errors.ApiError as refused:
            told = {
                "code": refused.code,
                "status": refused.status,
                "details": refused.details,
                "error": refused.message,
            }
            raise conformance.Refused(told) from refused
        return neutral(FORMS[name](result) if name in FORMS else result)

    def close(self, handle: Any) -> None:
        with suppress(errors.SandboxNotFound):
            self._wait(handle.delete())


async def _awaited(value: Any) -> Any:
    if inspect.isasyncgen(value):
        return [each async for each in value]
    return await value if inspect.isawaitable(value) else value


@pytest.fixture(scope="module", params=["blocking", "asynchronous"])
def runner(request: pytest.FixtureRequest, client: Client) -> Iterator[SdkRunner]:
    if request.param == "blocking":
        yield SdkRunner(client, lambda value: list(value) if inspect.isgenerator(value) else value)
        return
    with asyncio.Runner() as loop:
        other = AsyncClient()
        yield SdkRunner(other, lambda value: loop.run(_awaited(value)))
        loop.run(other.aclose())


@pytest.mark.parametrize("script", conformance.scripts())
def test_script(script: str, runner: SdkRunner) -> None:
    conformance.run(script, runner, lambda value: isinstance(value, (Sandbox, AsyncSandbox)))


def test_a_script_that_is_not_kept_to_fails(runner: SdkRunner) -> None:
    """The language itself: what does not match is told with its place."""
    for value, wanted in [
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "y"}]}),
        ([1, 2], [1]),
        (True, 1),
        ("text", {"matches": "^ext"}),
        ([{"id": 1}], {"contains": {"id": 2}}),
        ([], {"size": 1}),
        (1, {"at_least": 2}),
        (None, {"any": True}),
        ("x", {"not": "x"}),
        ({}, {"missing": 1}),
    ]:
        with pytest.raises(AssertionError, match=r"is|has"):
            conformance.match(value, wanted, "")
    conformance.match({"a": 1, "b": ["x", "y"]}, {"b": {"contains": "y"}}, "")
