"""The daemon's API, as far as the tests need it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

HERE = Path(__file__).resolve().parent
GUEST_SERVER = HERE.parent / "src/test/resources/guest_server.py"
WEB_APPLICATION = HERE / "web_application.py"
PATIENCE_SECONDS = 60

# Starts both files as one program in the sandbox's interpreter.
START = """
import pathlib, sys
pathlib.Path("/tmp/guest_server.py").write_text({server!r})
pathlib.Path("/tmp/web_application.py").write_text({application!r})
sys.path.insert(0, "/tmp")
import web_application
"""


@dataclass(frozen=True)
class Api:
    base: str
    key: str

    def call(self, method: str, path: str, body: object = None) -> bytes:
        request = Request(
            self.base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        # No proxy of this machine's stands between the test and loopback.
        with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE_SECONDS) as answer:
            content: bytes = answer.read()
            return content

    def create(self) -> Sandbox:
        made = json.loads(self.call("POST", "/v1/sandboxes", {"egress": False}))
        return Sandbox(self, made["id"])


@dataclass(frozen=True)
class Sandbox:
    api: Api
    id: str

    @property
    def path(self) -> str:
        return f"/v1/sandboxes/{self.id}"

    def start_application(self) -> None:
        code = START.format(
            server=GUEST_SERVER.read_text("utf-8"), application=WEB_APPLICATION.read_text("utf-8")
        )
        lines = self.api.call("POST", self.path + "/exec", {"code": code}).splitlines()
        events: list[dict[str, Any]] = [json.loads(line) for line in lines if line]
        assert events[-1]["type"] == "exit" and events[-1]["data"] == 0, events

    def link(self, port: int = 8000) -> str:
        """The address by host name, with a token."""
        url = self._link(port)["url"]
        assert isinstance(url, str)
        return url

    def link_by_path(self, port: int, rest: str = "") -> str:
        """The same by path: the token is for the port, however it is named."""
        return f"{self.by_path(port)}{rest}?pf_token={self._link(port)['token']}"

    def by_path(self, port: int) -> str:
        return f"{self.api.base}{self.path}/ports/{port}/"

    def delete(self) -> None:
        self.api.call("DELETE", self.path)

    def _link(self, port: int) -> dict[str, Any]:
        answer = self.api.call(
            "POST", f"{self.path}/ports/{port}/link", {"expires_in_seconds": 600}
        )
        link: dict[str, Any] = json.loads(answer)
        return link
