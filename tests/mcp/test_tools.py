"""The tools, at both doors, with a real client and real guests."""

from __future__ import annotations

import base64
from typing import Any

import anyio
import pytest
from mcp.shared.exceptions import MCPError

from support import api, connected, eventually, is_there, text_of

pytestmark = pytest.mark.anyio

RED = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJg"
    "gg=="
)
FIGURE = f"""
import base64
class Figure:
    def _repr_png_(self): return base64.b64decode({RED!r})
Figure()
"""
NAMES = {
    "run_code",
    "run_bash",
    "read_file",
    "write_file",
    "list_files",
    "create_sandbox",
    "list_sandboxes",
    "delete_sandbox",
    "fork_sandbox",
    "merge_into",
    "fork_and_try",
    "freeze_sandbox",
    "list_spaces",
    "resume_space",
    "start_process",
    "list_processes",
    "process_logs",
    "stop_process",
    "wait_for_port",
}


async def test_tools_have_schemas_and_hints(door: str) -> None:
    async with connected(door) as client:
        assert client.server_info.name == "podflare"
        assert "fork_and_try" in client.instructions
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == NAMES
        for tool in tools.values():
            assert tool.description and tool.title
            assert tool.input_schema["type"] == "object"
            assert tool.output_schema["type"] == "object"
        assert tools["read_file"].annotations.read_only_hint is True
        assert tools["run_code"].annotations.open_world_hint is True
        assert tools["delete_sandbox"].annotations.destructive_hint is True
        assert tools["write_file"].annotations.idempotent_hint is True


async def test_code_runs_in_one_sandbox_that_goes_with_the_session(door: str) -> None:
    async with connected(door) as client:
        first = await client.call_tool("run_code", {"code": "x = 40\nprint('hello')\nx + 2"})
        assert not first.is_error
        assert first.structured_content["stdout"] == "hello\n"
        assert first.structured_content["result"] == "42"
        assert first.structured_content["exit_code"] == 0
        assert "exit_code: 0" in text_of(first)
        second = await client.call_tool("run_code", {"code": "print(x)"})
        assert second.structured_content["stdout"] == "40\n"
        shell = await client.call_tool("run_bash", {"command": "cat; exit 3", "stdin": "in"})
        assert shell.structured_content["stdout"] == "in"
        assert shell.structured_content["exit_code"] == 3
        sandbox = first.structured_content["sandbox"]
        assert {second.structured_content["sandbox"], shell.structured_content["sandbox"]} == {
            sandbox
        }
        listed = await client.call_tool("list_sandboxes", {})
        own = [one for one in listed.structured_content["sandboxes"] if one["own"]]
        assert [one["sandbox"] for one in own] == [sandbox]
        assert is_there(sandbox)
    eventually(lambda: not is_there(sandbox))


async def test_a_sandbox_is_kept_if_that_is_asked_for(door: str) -> None:
    async with connected(door, "--keep", query="?keep=true") as client:
        kept = (await client.call_tool("run_code", {"code": "y = 7"})).structured_content["sandbox"]
    assert is_there(kept)
    async with connected(door, "--sandbox", kept, query=f"?sandbox={kept}") as client:
        again = await client.call_tool("run_code", {"code": "print(y)"})
        assert again.structured_content["stdout"] == "7\n"
    assert is_there(kept)
    api("DELETE", f"/v1/sandboxes/{kept}")


async def test_figures_come_as_images_and_are_resources(door: str) -> None:
    async with connected(door) as client:
        shown = await client.call_tool("run_code", {"code": FIGURE})
        images = [one for one in shown.content if one.type == "image"]
        assert [one.mime_type for one in images] == ["image/png"]
        assert base64.b64decode(images[0].data) == base64.b64decode(RED)
        [uri] = shown.structured_content["figures"]
        read = await client.read_resource(uri)
        assert read.contents[0].mime_type == "image/png"
        assert read.contents[0].blob == images[0].data
        with pytest.raises(MCPError) as missing:
            await client.read_resource(uri[:-1] + "2")
        assert missing.value.error.code == -32002


async def test_output_comes_as_progress_while_code_runs(door: str) -> None:
    said: list[tuple[float, str]] = []
    seen = anyio.Event()

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        said.append((progress, message or ""))
        seen.set()

    async with connected(door) as client, anyio.create_task_group() as tasks:
        code = """
import time, pathlib
print('one', flush=True)
while not pathlib.Path('/tmp/go').exists(): time.sleep(0.05)
print('two', flush=True)
"""
        results: list[Any] = []

        async def run() -> None:
            results.append(
                await client.call_tool("run_code", {"code": code}, progress_callback=heard)
            )

        tasks.start_soon(run)
        await seen.wait()
        assert said[0][1] == "one"
        assert not results
        await client.call_tool("run_bash", {"command": "touch /tmp/go"})
        with anyio.fail_after(120):
            while not results:
                await anyio.sleep(0.05)
    assert results[0].structured_content["stdout"] == "one\ntwo\n"
    assert [message for _, message in said] == ["one", "two"]
    assert [number for number, _ in said] == [1, 2]


async def test_a_cancelled_call_is_interrupted_in_the_guest(door: str) -> None:
    begun = anyio.Event()

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    async with connected(door) as client:
        sandbox = (await client.call_tool("run_code", {"code": "1"})).structured_content["sandbox"]
        code = "import time\nprint('begun', flush=True)\ntime.sleep(3600)"
        async with anyio.create_task_group() as tasks:

            async def run() -> None:
                await client.call_tool("run_code", {"code": code}, progress_callback=heard)

            tasks.start_soon(run)
            await begun.wait()
            tasks.cancel_scope.cancel()

        def ended() -> bool:
            execs = api("GET", f"/v1/sandboxes/{sandbox}/execs")["execs"]
            return any(one.get("reason") == "cancelled" for one in execs)

        await anyio.to_thread.run_sync(eventually, ended)
        after = await client.call_tool("run_code", {"code": "print('free')"})
        assert after.structured_content["stdout"] == "free\n", after.structured_content


async def test_files_are_written_read_and_listed(door: str) -> None:
    async with connected(door) as client:
        path = "/root/a folder/ä #1.txt"
        wrote = await client.call_tool("write_file", {"path": path, "content": "grün\n"})
        assert wrote.structured_content["size"] == 6
        sandbox = wrote.structured_content["sandbox"]
        read = await client.call_tool("read_file", {"path": path})
        assert text_of(read) == "grün\n"
        part = await client.call_tool("read_file", {"path": path, "offset": 1, "length": 2})
        assert part.structured_content["content"] == "r"  # what is cut through is left out
        contents = (await client.read_resource(read.structured_content["uri"])).contents
        assert contents[0].text == "grün\n"
        image = {"path": "/root/red.png", "content": RED, "encoding": "base64"}
        await client.call_tool("write_file", image)
        [seen] = (await client.call_tool("read_file", {"path": "/root/red.png"})).content
        assert seen.type == "image" and seen.data == RED
        await client.call_tool("run_bash", {"command": r"printf '\377\0' > /root/binary"})
        binary = await client.call_tool("read_file", {"path": "binary"})
        assert "no text" in text_of(binary) and binary.content[1].type == "resource_link"
        read = await client.read_resource(binary.content[1].uri)
        assert base64.b64decode(read.contents[0].blob) == b"\xff\0"
        listed = await client.call_tool("list_files", {"depth": 2})
        paths = {one["path"] for one in listed.structured_content["entries"]}
        assert {path, "/root/red.png", "/root/binary"} <= paths
        resources = {one.name: one for one in (await client.list_resources()).resources}
        assert resources["red.png"].mime_type == "image/png"
        assert sandbox in resources["red.png"].uri
        templates = (await client.list_resource_templates()).resource_templates
        assert {one.name for one in templates} == {"file", "figure"}


async def test_a_long_output_is_cut_and_whole_in_a_file(door: str) -> None:
    async with connected(door) as client:
        code = "for i in range(20000): print('line', i)"
        result = await client.call_tool("run_code", {"code": code})
        shown = result.structured_content["stdout"]
        assert shown.startswith("line 0\n") and shown.endswith("line 19999\n")
        assert len(shown) < 21_000
        assert "lines) left out here; all of it is in /tmp/podflare-output/" in shown
        path = shown.split("all of it is in ")[1].split(" ")[0]
        whole = await client.call_tool("run_bash", {"command": f"wc -l < {path}"})
        assert whole.structured_content["stdout"] == "20000\n"
        part = await client.call_tool("read_file", {"path": path})
        assert "bytes left out here; ask for a part" in text_of(part)


async def test_what_is_refused_comes_with_its_code(door: str) -> None:
    async with connected(door) as client:
        missing = await client.call_tool("read_file", {"path": "/no/such"})
        assert missing.is_error and "[file_not_found]" in text_of(missing)
        assert missing.meta["dev.podflare/error"]["code"] == "file_not_found"
        wrong = await client.call_tool("run_code", {"code": 1})
        assert wrong.is_error and "'code' must be a text [invalid_field]" in text_of(wrong)
        unknown = await client.call_tool("run_code", {"code": "1", "sandbox": "sbx_" + "0" * 32})
        assert unknown.is_error and "[sandbox_not_found]" in text_of(unknown)
        with pytest.raises(MCPError) as no_tool:
            await client.call_tool("no_such_tool", {})
        assert no_tool.value.error.code == -32602
        failed = await client.call_tool("run_code", {"code": "1 / 0"})
        assert not failed.is_error
        assert failed.structured_content["exit_code"] == 1
        assert "ZeroDivisionError" in failed.structured_content["stderr"]


async def test_a_sandbox_that_is_gone_is_not_replaced_in_silence(door: str) -> None:
    async with connected(door) as client:
        first = (await client.call_tool("run_code", {"code": "1"})).structured_content["sandbox"]
        api("DELETE", f"/v1/sandboxes/{first}")
        gone = await client.call_tool("run_code", {"code": "1"})
        assert gone.is_error and "the next call makes another" in text_of(gone)
        second = await client.call_tool("run_code", {"code": "print(1)"})
        assert second.structured_content["stdout"] == "1\n"
        assert second.structured_content["sandbox"] != first


async def test_attempts_are_compared_and_the_best_goes_on(door: str) -> None:
    async with connected(door) as client:
        own = (await client.call_tool("run_code", {"code": "n = 1"})).structured_content["sandbox"]
        attempts = ["n += 1; print(n)", "n += 10; print(n)", "raise SystemExit(5)"]
        tried = await client.call_tool("fork_and_try", {"attempts": attempts})
        results = tried.structured_content["attempts"]
        assert [one["stdout"] for one in results] == ["2\n", "11\n", ""]
        assert [one["exit_code"] for one in results] == [0, 0, 5]
        assert all(is_there(one["sandbox"]) for one in results)
        untouched = await client.call_tool("run_code", {"code": "print(n)"})
        assert untouched.structured_content["stdout"] == "1\n"
        await client.call_tool("merge_into", {"winner": results[1]["sandbox"]})
        merged = await client.call_tool("run_code", {"code": "print(n)"})
        assert merged.structured_content["stdout"] == "11\n"
        assert merged.structured_content["sandbox"] == own
        assert not any(is_there(one["sandbox"]) for one in results)
        left = await client.call_tool("fork_and_try", {"attempts": ["1"]})
        child = left.structured_content["attempts"][0]["sandbox"]
        forked = await client.call_tool("fork_sandbox", {"count": 1})
        [copy] = forked.structured_content["children"]
    eventually(lambda: not is_there(child))
    assert is_there(copy)
    api("DELETE", f"/v1/sandboxes/{copy}")


async def test_a_frozen_sandbox_outlives_the_session(door: str) -> None:
    async with connected(door) as client:
        await client.call_tool("run_code", {"code": "kept = 'yes'"})
        frozen = (await client.call_tool("freeze_sandbox", {})).structured_content
        spaces = (await client.call_tool("list_spaces", {})).structured_content["spaces"]
        assert frozen["space"] in {one["space"] for one in spaces}
    async with connected(door) as client:
        resumed = await client.call_tool("resume_space", {"space": frozen["space"], "use": True})
        sandbox = resumed.structured_content["sandbox"]
        told = await client.call_tool("run_code", {"code": "print(kept)"})
        assert told.structured_content["stdout"] == "yes\n"
        assert told.structured_content["sandbox"] == sandbox
        deleted = await client.call_tool("delete_sandbox", {"sandbox": sandbox})
        assert deleted.structured_content == {"deleted": sandbox}
    assert not is_there(sandbox)


async def test_a_server_in_the_sandbox_is_started_waited_for_and_stopped(door: str) -> None:
    async with connected(door) as client:
        argv = ["python3", "-u", "-m", "http.server", "8123"]
        started = await client.call_tool("start_process", {"argv": argv, "name": "web"})
        assert started.structured_content["state"] == "running"
        waited = {"port": 8123, "process": "web", "timeout_seconds": 120}
        opened = await client.call_tool("wait_for_port", waited)
        assert opened.structured_content["reachable"] is True
        await client.call_tool("run_bash", {"command": "curl -s localhost:8123 || true"})
        logs = await client.call_tool("process_logs", {"process": "web"})
        assert "8123" in logs.structured_content["stdout"]
        stopped = await client.call_tool("stop_process", {"process": "web"})
        assert stopped.structured_content["state"] == "ended"
        listed = await client.call_tool("list_processes", {})
        assert [one["name"] for one in listed.structured_content["processes"]] == ["web"]


async def test_a_created_sandbox_can_become_the_sessions_own(door: str) -> None:
    async with connected(door) as client:
        wish = {"use": True, "egress": False, "metadata": {"for": "test"}}
        made = (await client.call_tool("create_sandbox", wish)).structured_content["sandbox"]
        ran = await client.call_tool("run_code", {"code": "print(1)"})
        assert ran.structured_content["sandbox"] == made
        found = await client.call_tool("list_sandboxes", {"metadata": {"for": "test"}})
        assert [one["sandbox"] for one in found.structured_content["sandboxes"]] == [made]
    assert is_there(made)
    api("DELETE", f"/v1/sandboxes/{made}")
