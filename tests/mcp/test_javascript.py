"""The TypeScript SDK, the Inspector and the official conformance suite, where there is npm."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from proxy import CutOnce, Proxy
from support import HERE, HOST, KEY, ROOT, SECONDS, environment, eventually, is_there

MODULES = HERE / "node_modules"
NODE = MODULES / "node" / "bin" / "node"

pytestmark = pytest.mark.skipif(not NODE.exists(), reason="npm has installed nothing")

# Scenarios of the suite that look at no tool or resource of a fixed name: these run against the
# real server.
OF_ANY_SERVER = (
    "server-initialize",
    "ping",
    "tools-list",
    "resources-list",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
)
# Those that want tools and resources of fixed names: these run against the same server with such.
OF_FIXED_NAMES = (
    "tools-call-simple-text",
    "tools-call-image",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-mixed-content",
    "tools-call-error",
    "tools-call-with-progress",
    "json-schema-2020-12",
    "server-sse-polling",
    "resources-read-text",
    "resources-read-binary",
    "resources-templates-read",
)
# What the server does not offer, and says so in its capabilities: see SPECIFICATION.md.
NOT_OFFERED = (
    "logging-set-level",
    "tools-call-with-logging",
    "completion-complete",
    "tools-call-sampling",
    "tools-call-elicitation",
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
    "resources-subscribe",
    "resources-unsubscribe",
    "prompts-list",
    "prompts-get-simple",
    "prompts-get-with-args",
    "prompts-get-embedded-resource",
    "prompts-get-with-image",
)


def node(*arguments: str) -> str:
    done = subprocess.run(
        [str(NODE), *arguments],
        cwd=HERE,
        env=environment() | {"PATH": f"{NODE.parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def program(package: str, name: str) -> str:
    described = json.loads((MODULES / package / "package.json").read_text())
    return str(MODULES / package / described["bin"][name])


def conformance(*arguments: str) -> str:
    return node(program("@modelcontextprotocol/conformance", "conformance"), *arguments)


def test_the_typescript_sdk_goes_through_a_whole_loop(door: str) -> None:
    address = str(ROOT / "podflare") if door == "stdio" else f"{HOST}/mcp"
    found = json.loads(node("loop.mjs", door, address).splitlines()[-1])
    assert found["tools"] == 19
    assert found["stdout"] == found["progress"] + "\n" == "0\n1\n2\n"
    assert found["result"] == "2"
    assert found["image"] == found["figure"] == base64.b64encode(b"\x89PNG").decode()
    assert found["error"] == "file_not_found"
    assert found["cancelled"] == "yes" and found["after"] == "free\n"
    assert found["templates"] == ["file", "figure"]
    eventually(lambda: not is_there(found["sandbox"]))


def test_the_typescript_sdk_goes_on_with_a_stream_that_was_cut() -> None:
    with Proxy(HOST, KEY) as proxy:
        proxy.cut = cut = CutOnce(b'"message":"1')
        found = json.loads(node("cut.mjs", f"{proxy.host}/mcp").splitlines()[-1])
        assert any(b"last-event-id" in head.lower() for head in proxy.heads)
        assert cut.done
    assert found == {"stdout": "0\n1\n2\n3\n4\n", "progress": ["0", "1", "2", "3", "4"]}


def test_the_inspector_lists_and_calls_tools(door: str) -> None:
    inspector = [program("@modelcontextprotocol/inspector", "mcp-inspector"), "--cli"]
    if door == "stdio":
        passed = [f"{name}={value}" for name, value in environment().items()]
        server = [*(part for one in passed for part in ("-e", one)), str(ROOT / "podflare"), "mcp"]
        how: list[str] = []
    else:
        server = [f"{HOST}/mcp"]
        how = ["--transport", "http", "--header", f"Authorization: Bearer {KEY}"]
    listed = json.loads(node(*inspector, *server, *how, "--method", "tools/list"))
    assert "run_code" in {tool["name"] for tool in listed["tools"]}
    called = json.loads(
        node(
            *(*inspector, *server, *how, "--method", "tools/call"),
            *("--tool-name", "run_code", "--tool-arg", "code=print(6 * 7)"),
        )
    )
    assert called["structuredContent"]["stdout"] == "42\n"


def test_every_scenario_of_the_suite_is_accounted_for() -> None:
    listed = conformance("list", "--server")
    names = {line.split()[1] for line in listed.splitlines() if line.startswith("  - ")}
    assert names == {*OF_ANY_SERVER, *OF_FIXED_NAMES, *NOT_OFFERED}


@pytest.mark.parametrize("scenario", OF_ANY_SERVER)
def test_conformance_of_the_real_server(scenario: str) -> None:
    with Proxy(HOST, KEY) as proxy:
        passes(f"{proxy.host}/mcp", scenario)


@pytest.fixture(scope="module")
def fixture_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server of the Java tests, whose tools have the names that the suite wants."""
    classes = [
        *(ROOT / "server" / "target" / "test-classes", ROOT / "mcp" / "target" / "test-classes"),
        ROOT / "cli" / "target" / "run" / "current" / "lib" / "*",
    ]
    if not (classes[0] / "dev/podflare/server/McpFixtureServer.class").exists():
        pytest.skip("the Java tests are not compiled; ./podflare test does that")
    process = subprocess.Popen(
        [
            *(os.environ["MCP_TEST_JAVA"], "-Xmx256m", "-XX:TieredStopAtLevel=1"),
            *("-cp", ":".join(map(str, classes)), "dev.podflare.server.McpFixtureServer"),
            str(tmp_path_factory.mktemp("fixture")),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
    )
    assert process.stdin and process.stdout
    yield process.stdout.readline().strip()
    process.stdin.close()
    process.wait(SECONDS)


@pytest.mark.parametrize("scenario", (*OF_ANY_SERVER, *OF_FIXED_NAMES))
def test_conformance_of_what_carries_the_tools(fixture_server: str, scenario: str) -> None:
    assert fixture_server.startswith("http://localhost:")
    passes(fixture_server, scenario)


def passes(url: str, scenario: str) -> None:
    said = conformance("server", "--url", url, "--scenario", scenario, "--verbose")
    start = said.index("[")
    checks, _ = json.JSONDecoder().raw_decode(said[start:])
    assert checks
    bad = [check for check in checks if check["status"] not in ("SUCCESS", "INFO")]
    assert not bad, json.dumps(bad, indent=1)
