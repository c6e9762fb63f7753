"""Programs as they are written for the official client, after the examples of its page and its
documentation, with this package in its place; and those of this package's own page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from support import SECONDS

README = Path(os.environ["SDK_TEST_ROOT"]) / "sdk" / "python" / "README.md"

QUICK_START = """
from podflare import Sandbox

sbx = Sandbox(template="minimal")
sbx.run_code("x = 42")
assert sbx.run_code("print(x * 2)").stdout == "84"
children = sbx.fork(n=2)
children[0].run_code("x = 100")
assert children[1].run_code("print(x)").stdout == "42"
sbx.merge_into(children[0])
assert sbx.run_code("print(x)").stdout == "100"
open("local.csv", "w").write("a,b\\n1,2\\n")
sbx.upload("data.csv", open("local.csv", "rb").read())
assert sbx.run_code("print(open('data.csv').read())").stdout == "a,b\\n1,2\\n"
sbx.upload("local.csv", "/tmp/other.csv")
assert sbx.download("/tmp/other.csv") == b"a,b\\n1,2\\n"
for child in children:
    child.close()
sbx.close()
"""

ARGUMENTS = """
import os
from podflare import Sandbox

sbx = Sandbox(
    host=os.environ["PODFLARE_API_URL"],
    api_key=os.environ["PODFLARE_API_KEY"],
    template="minimal",
    timeout_seconds=600,
    idle_timeout_seconds=300,
    egress=False,
)
assert sbx.id.startswith("sbx_")
result = sbx.run_code("import sys; sys.exit(2)")
assert not result.ok and result.exit_code == 2
assert sbx.diff(sbx, ["/root"]) == {"added": [], "removed": [], "modified": []}
sbx.close()
"""

STREAMING = """
from podflare import Event, Sandbox

seen = []
with Sandbox() as s:
    for ev in s.run_code_stream("for i in range(3): print(i)"):
        assert isinstance(ev, Event)
        if ev.type == "stdout":
            seen.append(ev.data)
            print(ev.data, flush=True)
    assert [e.data for e in s.replay()] == ["0", "1", "2", 0]
assert seen == ["0", "1", "2"]
"""

TERMINAL = """
from podflare import PtyHandle, Sandbox

out = []
with Sandbox(region="eu") as sbx:
    pty = sbx.pty.create(
        cmd="read a; read b; echo got $a $b",
        cols=120, rows=40,
        on_data=lambda chunk: out.append(chunk.decode()),
        timeout_ms=0,
    )
    assert isinstance(pty, PtyHandle)
    pty.send_input("one\\r")
    pty.send_input(b"two\\r")
    pty.resize(cols=200, rows=50)
    assert pty.wait(timeout=100) == 0
    assert "got one two" in "".join(out)

    pty = sbx.pty.create(cmd="bash", timeout_ms=0)
    pty.send_input(b"echo built >/tmp/build.log; echo do''ne\\n")
    pty_id = pty.id
    pty.close()
    again = []
    pty = sbx.pty.attach(pty_id, on_data=again.append)
    while b"done" not in b"".join(again):
        pass
    pty.send_input("exit\\n")
    assert pty.wait(timeout=100) == 0
"""

SPACES = """
import httpx
from podflare import Client, Sandbox, close_default_client

client = Client()
sbx = Sandbox(client=client, persistent=True, idle_timeout_seconds=1)
sbx.run_code("x = 7")
space = None
while space is None:
    space = next((s.id for s in client.spaces.list() if s.sandbox_id == sbx.id), None)
resumed = Sandbox.resume(space, client=client, timeout_seconds=600, persistent=False)
assert resumed.run_code("print(x)").stdout == "7"
resumed.close()
try:
    Sandbox.resume(space)
    raise SystemExit("resumed twice")
except httpx.HTTPStatusError as e:
    assert e.response.status_code == 404, e
    assert "error" in e.response.json()
try:
    Sandbox(api_key="pf_live_wrong")
    raise SystemExit("a wrong key was taken")
except httpx.HTTPStatusError as e:
    assert e.response.status_code == 401
client.close()
close_default_client(clear_disk_cache=True)
"""

NAMES = """
from podflare import (
    REGIONS, Client, Event, ExecResult, Language, PtyHandle, PtyNamespace, PtySessionInfo,
    RegionInfo, Sandbox, UnknownRegionError, close_default_client, detect_local_region,
    haversine_km, nearest_region_to, resolve_region,
)
from podflare.client import DEFAULT_HOST
from podflare.gemini import podflare_function_declaration, run_function_call
from podflare.integrations.anthropic import handle_code_execution_tool_use
from podflare.integrations.openai_agents import podflare_code_interpreter
from podflare.langchain import PodflareTool
from podflare.pty import PtyHandle
from podflare.regions import default_api_base
from podflare.sandbox import Sandbox as Same
from podflare.types import Event, ExecResult

assert Same is Sandbox
assert ExecResult("a", "b", 1) == ExecResult("a", "b", 1)
assert repr(ExecResult("a", "b", 1)) == "ExecResult(stdout='a', stderr='b', exit_code=1)"
assert repr(Event("stdout", "x", 0, 1)) == "Event(type='stdout', data='x', seq=0, ts=1)"
assert resolve_region(None) is None
assert resolve_region("Mars Base") == default_api_base() + "/r/mars%20base"
assert detect_local_region() is None
assert 330 < haversine_km(51.5, 0, 48.85, 2.35) < 350
"""

PROGRAMS = {
    "quick start": QUICK_START,
    "arguments": ARGUMENTS,
    "streaming": STREAMING,
    "terminal": TERMINAL,
    "spaces": SPACES,
    "names": NAMES,
}


def run(program: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str, tmp_path: Path) -> None:
    run(PROGRAMS[name], tmp_path)


def test_the_page_of_this_package(tmp_path: Path) -> None:
    """All blocks but the asynchronous one, one after the other, in one sandbox and another."""
    page = README.read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    first, code, forks, saved, processes, files, asynchronous = blocks
    (tmp_path / "data.csv").write_text("a,b\n")
    watched = re.sub(r"for change in .*:\s+\.\.\.\n", "", files)
    assert watched != files
    run(first, tmp_path)
    rest = "\n".join(
        [
            "from pathlib import Path",
            "from podflare import Sandbox",
            "sandbox = Sandbox()",
            *(code, "assert result.value.text == '6.283185307179586'"),
            *(forks, "assert best.winner.index == 1"),
            *(processes, "assert server.wait().exit_code == 0"),
            *(watched, "sandbox.close(); first.close(); second.close()"),
            *(saved, "sandbox.delete(); sandbox.client.snapshots.delete("),
            "    next(s.id for s in sandbox.client.snapshots.list() if s.name == 'clean'))",
        ]
    )
    run(rest, tmp_path)
    body = "\n".join(f"    {line}" for line in asynchronous.splitlines())
    run(f"import asyncio\nasync def main():\n{body}\nasyncio.run(main())", tmp_path)


def test_a_refusal_is_caught_as_before(host: str) -> None:
    """By code that knows nothing of this package's errors."""
    from podflare import Client

    with Client(host) as client, pytest.raises(httpx.HTTPStatusError) as caught:
        client.destroy_sandbox("sbx_" + "0" * 32)
    assert caught.value.response.json()["code"] == "sandbox_not_found"
    with Client("http://127.0.0.1:1") as client, pytest.raises(httpx.ConnectError):
        client.create_sandbox()
