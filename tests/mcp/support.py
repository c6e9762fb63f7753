"""What the tests share: clients at both doors, and what they look at beside."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

HOST = os.environ["PODFLARE_API_URL"]
KEY = os.environ["PODFLARE_API_KEY"]
OTHER_KEY = os.environ["MCP_TEST_OTHER_KEY"]
ROOT = Path(os.environ["MCP_TEST_ROOT"])
HERE = Path(__file__).parent
SECONDS = 120.0
DOORS = ("stdio", "http")
WANTED = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


def environment() -> dict[str, str]:
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR")}
    if "PODFLARE_BUILT" in os.environ:
        passed["PODFLARE_BUILT"] = os.environ["PODFLARE_BUILT"]
    return passed | {"PODFLARE_API_URL": HOST, "PODFLARE_API_KEY": KEY}


@asynccontextmanager
async def connected(
    door: str, *arguments: str, host: str = HOST, query: str = ""
) -> AsyncIterator[Any]:
    """A session; what goes into the command line of the one door is the query of the other."""
    if door == "stdio":
        server = StdioServerParameters(
            command=str(ROOT / "podflare"), args=["mcp", *arguments], env=environment()
        )
        async with Client(server, read_timeout_seconds=SECONDS) as client:
            yield client
        return
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(headers=headers, timeout=SECONDS) as http:
        transport = streamable_http_client(f"{host}/mcp{query}", http_client=http)
        async with Client(transport, read_timeout_seconds=SECONDS) as client:
            yield client


def api(method: str, path: str, body: Any = None, key: str = KEY) -> Any:
    """The plain API, beside MCP. An error's status comes as a number."""
    request = urllib.request.Request(
        HOST + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            text = answer.read()
            return json.loads(text) if text else None
    except urllib.error.HTTPError as refused:
        return refused.code


def is_there(sandbox: str) -> bool:
    info = api("GET", f"/v1/sandboxes/{sandbox}")
    return not isinstance(info, int) and info["state"] != "closed"


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.1)


def text_of(result: Any) -> str:
    return "".join(one.text for one in result.content if one.type == "text")
