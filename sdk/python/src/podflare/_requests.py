"""Requests of the API, as descriptions. Light to import."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

Params = Mapping[str, object]


@dataclass
class Request:
    """One call of the API."""

    method: str
    path: str
    """Below the server's address; its parts are encoded."""
    json: object = None
    content: Any = None
    """Bytes, or a function that gives an iterator of them anew for each attempt."""
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float | None = None
    """Seconds for the whole call; else the client's."""
    repeatable: bool = False
    """Whether doing it twice is as doing it once."""

    def body(self) -> Any:
        if self.json is not None:
            return json.dumps(self.json, separators=(",", ":")).encode()
        return self.content() if callable(self.content) else self.content


def get(path: str, params: Params | None = None) -> Request:
    return Request("GET", path + query(params), repeatable=True)


def delete(path: str, params: Params | None = None) -> Request:
    return Request("DELETE", path + query(params), repeatable=True)


def put(path: str, body: object) -> Request:
    return Request("PUT", path, json=body, repeatable=True)


def patch(path: str, body: object) -> Request:
    return Request("PATCH", path, json=body)


def post(path: str, body: object, repeatable: bool = False) -> Request:
    return Request("POST", path, json=body, repeatable=repeatable)


def create(path: str, body: object, idempotency_key: str | None = None) -> Request:
    """A POST that is done once however often it is sent, thanks to its key."""
    request = Request("POST", path, json=body, repeatable=True)
    request.headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
    return request


def segment(text: str) -> str:
    """Text as a part of a path."""
    return quote(text, safe="")


def query(params: Params | None) -> str:
    """Parameters after ``?``; those that are None are left out, lists are repeated."""
    pairs: list[tuple[str, str]] = []
    for name, value in (params or {}).items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is not None:
                text = str(one).lower() if isinstance(one, bool) else str(one)
                pairs.append((name, text))
    return "?" + urlencode(pairs, quote_via=quote) if pairs else ""


def given(**values: object) -> dict[str, Any]:
    """A body of what is not None."""
    return {name: value for name, value in values.items() if value is not None}
