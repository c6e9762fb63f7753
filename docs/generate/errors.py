"""A page for each code that the API knows, at an address that stays: `errors/CODE/`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

METHODS = ("get", "put", "post", "patch", "delete")
REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    421: "Misdirected Request",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    507: "Insufficient Storage",
}


def codes(openapi: Path) -> dict[str, int]:
    """Each code and its HTTP status; the status is a comment, which YAML readers drop."""
    part = openapi.read_text("utf-8").partition("\n    ErrorCode:\n")[2]
    part = re.split(r"\n    [A-Z]\w+:\n", part)[0]
    found = re.findall(r"^ +- ([a-z_]+) # (\d{3})$", part, re.MULTILINE)
    return {code: int(status) for code, status in found}


def pages(api: dict[str, Any], known: dict[str, int], told: Path) -> dict[str, str]:
    texts: dict[str, dict[str, str]] = yaml.safe_load(told.read_text("utf-8"))
    differ = set(texts) ^ set(known)
    if differ:
        raise ValueError(f"docs/errors.yaml and openapi.yaml differ in {sorted(differ)}")
    mentions = {code: _mentions(api, code) for code in known}
    made = {
        f"errors/{code}.md": _page(code, status, texts[code], mentions[code])
        for code, status in known.items()
    }
    made["errors/index.md"] = _index(known, texts)
    return made


def _page(code: str, status: int, text: dict[str, str], mentions: list[tuple[str, str]]) -> str:
    kind = "".join(word.capitalize() for word in code.split("_"))
    lines = [
        f"# {code}",
        "",
        f'<p class="status">HTTP {status} {REASONS[status]}</p>',
        "",
        text["means"],
        "",
        "## What to do",
        "",
        text["do"],
        "",
        "## How it is told",
        "",
        "| | |",
        "|---|---|",
        f"| HTTP | status `{status}`, and `code` of the answer is `{code}` |",
        f"| Python | `podflare.errors.{kind}` |",
        f'| Java | `ApiException` with `code()` `"{code}"` |',
        f"| Command line | exit code {1 if status >= 500 else 2} |",
    ]
    if status in (429, 503):
        lines.append("| Try again | after as many seconds as the header `Retry-After` says |")
    if mentions:
        lines += ["", "## Calls that name it", ""]
        lines += [f"- [{summary}](../api/{place})" for summary, place in mentions]
    return "\n".join([*lines, ""])


def _index(known: dict[str, int], texts: dict[str, dict[str, str]]) -> str:
    lines = [
        "# Errors",
        "",
        "Every refusal is JSON with `error`, a sentence for people, `code`, which is stable and",
        "which programs look at, `details`, and `help`, the address of a page that the server has",
        "for the code. The code alone decides the HTTP status, the class in an SDK and the exit",
        "code of the command line.",
        "",
        "```json",
        "{",
        '  "error": "there is no sandbox sbx_…", "code": "sandbox_not_found", "details": {},',
        '  "help": "/errors/sandbox_not_found"',
        "}",
        "```",
    ]
    for status in sorted(set(known.values())):
        lines += ["", f"## {status} {REASONS[status]}", "", "| code | |", "|---|---|"]
        for code in (code for code, its in known.items() if its == status):
            means = texts[code]["means"].strip().replace("\n", " ")
            lines.append(f"| [`{code}`]({code}.md) | {means} |")
    return "\n".join([*lines, ""])


def _mentions(api: dict[str, Any], code: str) -> list[tuple[str, str]]:
    from reference import anchor, tag_of

    found = []
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            if method in METHODS and re.search(rf"\b{code}\b", str(operation)):
                place = f"{tag_of(path, operation)}.md#{anchor(operation)}"
                found.append((operation["summary"], place))
    return found
