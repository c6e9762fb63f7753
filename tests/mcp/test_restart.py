"""A daemon that is killed while a session is open: the session is gone, its sandbox is not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError

from support import KEY, ROOT, SECONDS, connected, eventually

SERVES = "engine:\n  template: minimal\nnetwork:\n  enabled: false\n"


class Daemon:
    """A daemon of this test's own, always at one address."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._listen = f"127.0.0.1:{free.getsockname()[1]}"
        self.host = f"http://{self._listen}"
        self._config = folder / "serve.yaml"
        self._config.write_text(SERVES)
        self._log = folder / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            *(str(ROOT / "podflare"), "serve", "--config", str(self._config)),
            *("--listen", self._listen, "--data", os.environ["MCP_TEST_DATA"]),
            *("--pool", "1", "--blanks", "0", "--templates", os.environ["MCP_TEST_TEMPLATES"]),
        ]
        environment = {**os.environ, "PODFLARE_API_KEYS": KEY, "HOME": os.environ["MCP_TEST_HOME"]}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        eventually(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            with urllib.request.urlopen(self.host + "/v1/healthz", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(SECONDS)
            self._process = None


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    one = Daemon(tmp_path)
    try:
        one.start()
        yield one
    finally:
        one.end(signal.SIGTERM)


@pytest.mark.anyio
async def test_a_session_ends_with_the_daemon_and_its_sandbox_does_not(daemon: Daemon) -> None:
    async with connected("http", host=daemon.host) as client:
        ran = await client.call_tool("run_code", {"code": "x = 5"})
        sandbox = ran.structured_content["sandbox"]
        daemon.end(signal.SIGKILL)
        daemon.start()
        with pytest.raises(MCPError):
            await client.call_tool("run_code", {"code": "print(x)"})
    async with connected("http", host=daemon.host, query=f"?sandbox={sandbox}") as client:
        again = await client.call_tool("run_code", {"code": "print(x)"})
        assert again.structured_content["stdout"] == "5\n"
        await client.call_tool("delete_sandbox", {"sandbox": sandbox})
