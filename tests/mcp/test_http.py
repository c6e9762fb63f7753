"""What is only of the HTTP door: sessions, whose they are, and streams that are gone on with."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import anyio
import pytest

from proxy import CutOnce, Proxy
from support import HOST, KEY, OTHER_KEY, SECONDS, WANTED, connected, eventually, is_there

SLOW = """
import time
for number in range(5):
    print(number, flush=True)
    time.sleep(0.3)
"""


class Answer:
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    method: str, body: Any = None, session: str = "", key: str = KEY, **headers: str
) -> Answer:
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    all_headers = {**WANTED, "authorization": f"Bearer {key}"}
    if session:
        all_headers["mcp-session-id"] = session
    all_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(HOST + "/mcp", method=method, data=data, headers=all_headers)
    try:
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refused:
        return Answer(refused.code, refused.headers, refused.read())


def message(method: str, number: int = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def begin() -> str:
    client = {"name": "test", "version": "1"}
    answer = request(
        "POST",
        message("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=client),
    )
    assert answer.status == 200, answer.body
    assert answer.json()["result"]["protocolVersion"] == "2025-11-25"
    return str(answer.headers["mcp-session-id"])


def test_a_session_is_its_keys_own_and_ends_when_it_is_deleted() -> None:
    session = begin()
    assert request("POST", message("ping"), session).json()["result"] == {}
    assert request("POST", message("ping")).status == 400
    strange = request("POST", message("ping"), session, key=OTHER_KEY)
    assert strange.status == 404 and strange.json()["code"] == "mcp_session_not_found"
    assert request("DELETE", session=session, key=OTHER_KEY).status == 404
    assert request("POST", message("ping"), session, key="wrong").status == 401
    assert request("DELETE", session=session).status == 204
    assert request("POST", message("ping"), session).status == 404


def test_what_is_no_request_of_the_protocol_is_refused() -> None:
    session = begin()
    assert request("POST", b"{", session).json()["error"]["code"] == -32700
    assert request("POST", b"\xff", session).json()["error"]["code"] == -32700
    batch = request("POST", [message("ping")], session)
    assert batch.status == 400 and batch.json()["error"]["code"] == -32600
    unknown = request("POST", message("no/such"), session)
    assert unknown.status == 200 and unknown.json()["error"]["code"] == -32601
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert request("POST", note, session).status == 202
    assert request("POST", message("ping"), session, accept="text/html").status == 400
    assert request("POST", message("ping"), session, mcp_protocol_version="1999").status == 400
    assert request("POST", message("ping"), session, origin="http://evil.example").status == 403
    assert request("POST", message("ping"), session, origin="http://localhost:1").status == 200
    assert request("GET", session=session).status == 405
    assert request("GET", session=session, last_event_id="7-0").status == 405
    request("DELETE", session=session)


def test_an_answer_can_be_asked_for_again_after_any_of_its_messages() -> None:
    session = begin()
    called = message("tools/call", 5, name="run_code", arguments={"code": SLOW})
    called["params"]["_meta"] = {"progressToken": "t"}
    whole = events(request("POST", called, session).body)
    assert whole[0][1] == ""  # without data: only where to go on
    answer = json.loads(whole[-1][1])
    assert answer["result"]["structuredContent"]["stdout"] == "0\n1\n2\n3\n4\n"
    assert len(whole) == 7
    for at in range(len(whole) - 1):
        rest = request("GET", session=session, last_event_id=whole[at][0])
        assert events(rest.body) == whole[at + 1 :]
    assert request("GET", session=session, last_event_id=whole[-1][0]).status == 405
    sandbox = answer["result"]["structuredContent"]["sandbox"]
    request("DELETE", session=session)
    eventually(lambda: not is_there(sandbox))


def events(body: bytes) -> list[tuple[str, str]]:
    found = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "id" in fields:
            found.append((fields["id"], fields.get("data", "")))
    return found


@pytest.mark.anyio
async def test_a_client_goes_on_with_a_stream_that_was_cut() -> None:
    said: list[str] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        said.append(message or "")

    with Proxy(HOST, KEY) as proxy:
        proxy.cut = cut = CutOnce(b'"message":"1')
        async with connected("http", host=proxy.host) as client:
            with anyio.fail_after(SECONDS):
                result = await client.call_tool("run_code", {"code": SLOW}, progress_callback=heard)
        assert result.structured_content["stdout"] == "0\n1\n2\n3\n4\n"
        assert said == ["0", "1", "2", "3", "4"]
        assert cut.done
        assert any(b"last-event-id" in head.lower() for head in proxy.heads)


def test_sessions_of_a_key_are_bounded() -> None:
    opened: list[str] = []
    try:
        while len(opened) < 100:
            answer = request(
                "POST",
                message(
                    "initialize",
                    protocolVersion="2025-06-18",
                    capabilities={},
                    clientInfo={"name": "test", "version": "1"},
                ),
                key=OTHER_KEY,
            )
            if answer.status != 200:
                break
            opened.append(answer.headers["mcp-session-id"])
        assert answer.status == 429 and answer.json()["code"] == "too_many_connections"
        assert len(opened) == 32
    finally:
        for session in opened:
            request("DELETE", session=session, key=OTHER_KEY)
