"""A model's endpoint whose answers are scripted, in the protocols of three providers. The script
is a list of turns: calls of tools, or a last word. Conversations that go on at once have a script
each, and are told apart by a text that they have. What the agent sends is kept to be looked at."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Call:
    """The model asks for a tool."""

    name: str
    arguments: dict[str, Any]


Turn = Call | str


class Provider:
    def __init__(self, *turns: Turn, scripts: Mapping[str, Sequence[Turn]] | None = None) -> None:
        self._scripts = {"": turns} if scripts is None else scripts
        self._done = dict.fromkeys(self._scripts, 0)
        self._lock = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.unknown: list[str] = []
        provider = self

        class Handler(_Handler):
            owner = provider

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Provider:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def turn(self, request: dict[str, Any]) -> tuple[int, Turn]:
        with self._lock:
            self.requests.append(request)
            said = json.dumps(request)
            name = next((text for text in self._scripts if text in said), None)
            if name is None:
                return 0, "no script for this conversation"
            number = self._done[name]
            self._done[name] += 1
            turns = self._scripts[name]
            return number, turns[number] if number < len(turns) else "no more turns"

    @property
    def done(self) -> bool:
        return all(self._done[name] >= len(turns) for name, turns in self._scripts.items())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Provider

    def log_message(self, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._send(200, "application/json", b"")

    def do_GET(self) -> None:
        self.owner.unknown.append(f"GET {self.path}")
        self._send(404, "application/json", b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        request = json.loads(body) if body else {}
        if path.endswith("/v1/responses"):
            self._json(openai(*self.owner.turn(request), request))
        elif path.endswith("/chat/completions"):
            self._json(chat(*self.owner.turn(request), request))
        elif path.endswith("/v1/messages"):
            self._anthropic(request)
        elif path.endswith(":generateContent"):
            self._json(gemini(*self.owner.turn(request)))
        elif path.endswith("/count_tokens"):
            self._json({"input_tokens": 10})
        else:
            self.owner.unknown.append(f"POST {self.path}")
            self._send(404, "application/json", b"{}")

    def _anthropic(self, request: dict[str, Any]) -> None:
        if not request.get("tools"):  # the agent asks for a title or the like, besides
            message = anthropic(0, "a side remark", request)
        else:
            message = anthropic(*self.owner.turn(request), request)
        if request.get("stream"):
            self._send(200, "text/event-stream", stream(message).encode())
        else:
            self._json(message)

    def _json(self, body: dict[str, Any]) -> None:
        self._send(200, "application/json", json.dumps(body).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def openai(number: int, turn: Turn, request: dict[str, Any]) -> dict[str, Any]:
    item: dict[str, Any]
    if isinstance(turn, Call):
        item = {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": f"call_{number}",
            "name": turn.name,
            "arguments": json.dumps(turn.arguments),
            "status": "completed",
        }
    else:
        text = {"type": "output_text", "text": turn, "annotations": []}
        item = {
            "type": "message",
            "id": f"msg_{number}",
            "role": "assistant",
            "status": "completed",
            "content": [text],
        }
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed",
        "model": request.get("model", "scripted"),
        "output": [item],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 1,
            "output_tokens": 1,
            "total_tokens": 2,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def chat(number: int, turn: Turn, request: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if isinstance(turn, Call):
        function = {"name": turn.name, "arguments": json.dumps(turn.arguments)}
        message["tool_calls"] = [{"id": f"call_{number}", "type": "function", "function": function}]
    else:
        message["content"] = turn
    reason = "tool_calls" if isinstance(turn, Call) else "stop"
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": request.get("model", "scripted"),
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def anthropic(number: int, turn: Turn, request: dict[str, Any]) -> dict[str, Any]:
    block: dict[str, Any]
    if isinstance(turn, Call):
        block = {
            "type": "tool_use",
            "id": f"toolu_{number}",
            "name": turn.name,
            "input": turn.arguments,
        }
    else:
        block = {"type": "text", "text": turn}
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": request.get("model", "scripted"),
        "content": [block],
        "stop_reason": "tool_use" if isinstance(turn, Call) else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def stream(message: dict[str, Any]) -> str:
    """The same message as server-sent events."""
    (block,) = message["content"]
    begun = {**message, "content": [], "stop_reason": None}
    if block["type"] == "tool_use":
        empty: dict[str, Any] = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    else:
        empty = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": block["text"]}
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)


def gemini(number: int, turn: Turn) -> dict[str, Any]:
    part: dict[str, Any]
    if isinstance(turn, Call):
        call = {"id": f"call_{number}", "name": turn.name, "args": turn.arguments}
        part = {"functionCall": call}
    else:
        part = {"text": turn}
    return {
        "candidates": [
            {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {
            "promptTokenCount": 1,
            "candidatesTokenCount": 1,
            "totalTokenCount": 2,
        },
        "modelVersion": "scripted",
    }
