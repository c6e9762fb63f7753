"""A daemon that is killed and starts anew while the SDK is at work."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from podflare import Client, Event, ExecResult, Sandbox, errors
from support import SECONDS, eventually

KEY = "pf_live_restarted_0123456789"
ROOT = Path(os.environ["SDK_TEST_ROOT"])
DATA = Path(os.environ["SDK_TEST_DATA"])
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
            *("--listen", self._listen, "--data", str(DATA), "--pool", "1", "--blanks", "0"),
            *("--templates", os.environ["SDK_TEST_TEMPLATES"]),
        ]
        environment = {**os.environ, "PODFLARE_API_KEYS": KEY, "HOME": os.environ["SDK_TEST_HOME"]}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        with Client(self.host, api_key=KEY) as client:
            eventually(lambda: client.healthz() or self._process_ended())

    def _process_ended(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        return False

    def end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(SECONDS)
            self._process = None


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.end(signal.SIGTERM)
        shutil.rmtree(DATA, ignore_errors=True)


def test_a_call_and_a_wait_outlive_the_daemon(daemon: Daemon) -> None:
    code = "import os, time\nfor i in range(400):\n    print(i, flush=True)\n    time.sleep(0.05)"
    with Client(daemon.host, api_key=KEY) as client, Sandbox(client=client) as sandbox:
        begun = threading.Event()
        results: list[ExecResult] = []

        def hear(event: Event) -> None:
            if event.type == "stdout":
                begun.set()

        call = threading.Thread(
            target=lambda: results.append(sandbox.run_code(code, on_event=hear)), daemon=True
        )
        call.start()
        assert begun.wait(SECONDS)
        process = sandbox.processes.start(
            "for i in $(seq 100); do echo $i; sleep 0.1; done; exit 3"
        )
        process.wait_for_log("^3$", timeout_seconds=SECONDS)
        ends: list[int | None] = []
        wait = threading.Thread(target=lambda: ends.append(process.wait().exit_code), daemon=True)
        wait.start()
        daemon.end(signal.SIGKILL)
        with pytest.raises(errors.NotConnected):
            client.info()
        daemon.start()
        assert sandbox.run_code("echo beside", "bash").stdout == "beside"
        call.join(SECONDS)
        assert results[0].stdout.split() == [str(i) for i in range(400)]
        assert not results[0].truncated
        assert sandbox.run_code("print(i)").stdout == "399"
        wait.join(SECONDS)
        assert ends == [3]
        assert process.output().split()[-1] == "100"
