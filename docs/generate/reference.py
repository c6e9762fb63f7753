"""The reference: a page for each tag of `openapi.yaml`, with each of its calls."""

from __future__ import annotations

import re
from typing import Any

METHODS = ("get", "put", "post", "patch", "delete")
DEPTH = 3
TITLES = {
    "sandboxes": "Sandboxes",
    "executions": "Running code",
    "forks": "Forks",
    "saved": "Spaces and snapshots",
    "network": "Network",
    "secrets": "Secrets",
    "files": "Files",
    "terminals": "Terminals",
    "processes": "Processes",
    "volumes": "Volumes",
    "ports": "Ports",
    "events": "Events and webhooks",
    "templates": "Templates",
    "mcp": "MCP",
    "keys": "Keys",
    "node": "The server",
}
UNTAGGED = [("fork|fanout|merge_into|tree|diff", "forks"), ("network|metrics", "network")]

Schema = dict[str, Any]


def tag_of(path: str, operation: dict[str, Any]) -> str:
    if operation.get("tags"):
        return str(operation["tags"][0])
    for pattern, tag in UNTAGGED:
        if re.search(rf"\{{id\}}/({pattern})\b", path):
            return tag
    return "templates" if path.startswith("/v1/templates") else "node"


def anchor(operation: dict[str, Any]) -> str:
    return str(operation["operationId"]).lower()


def nav(api: dict[str, Any]) -> list[dict[str, str]]:
    return [{TITLES[tag]: f"api/{tag}.md"} for tag in TITLES if tag in _by_tag(api)]


def pages(api: dict[str, Any], codes: dict[str, int]) -> dict[str, str]:
    writer = Writer(api)
    made = {
        f"api/{tag}.md": writer.page(tag, operations) for tag, operations in _by_tag(api).items()
    }
    made["api/index.md"] = writer.index(_by_tag(api))
    return {path: _linked(text, codes) for path, text in made.items()}


def _by_tag(api: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in api["paths"].items():
        shared = methods.get("parameters", [])
        for method, operation in methods.items():
            if method in METHODS:
                whole = {**operation, "parameters": [*shared, *operation.get("parameters", [])]}
                found.setdefault(tag_of(path, operation), []).append((method, path, whole))
    unknown = set(found) - set(TITLES)
    if unknown:
        raise ValueError(f"tags without a title in docs/generate/reference.py: {sorted(unknown)}")
    return found


def _linked(text: str, codes: dict[str, int]) -> str:
    """Codes lead to their pages; a code of one word only where its status is beside it."""

    def link(found: re.Match[str]) -> str:
        status, code = found[1], found[2]
        known = code in codes and (status is not None or "_" in code)
        return f"[{found[0]}](../errors/{code}.md)" if known else found[0]

    return re.sub(r"`(?:(\d{3})\s+)?([a-z_]+)`", link, text)


class Writer:
    def __init__(self, api: dict[str, Any]) -> None:
        self._api = api

    def index(self, by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]]) -> str:
        lines = ["# HTTP API", "", self._api["info"]["description"].strip(), ""]
        lines += ["## All calls", ""]
        for tag in (tag for tag in TITLES if tag in by_tag):
            lines += [f"### [{TITLES[tag]}]({tag}.md)", "", "| call | |", "|---|---|"]
            for method, path, operation in by_tag[tag]:
                call = f'<span class="verb {method}">{method.upper()}</span> `{path}`'
                link = f"[{operation['summary']}]({tag}.md#{anchor(operation)})"
                lines.append(f"| {call} | {link} |")
            lines.append("")
        return "\n".join(lines)

    def page(self, tag: str, operations: list[tuple[str, str, dict[str, Any]]]) -> str:
        lines = [f"# {TITLES[tag]}", ""]
        about = {one["name"]: one.get("description", "") for one in self._api["tags"]}
        lines += [about.get(tag, "").strip(), ""]
        for method, path, operation in operations:
            lines += self._operation(method, path, operation)
        return "\n".join(lines)

    def _operation(self, method: str, path: str, operation: dict[str, Any]) -> list[str]:
        lines = [
            f"## {operation['summary']} {{ #{anchor(operation)} }}",
            "",
            f'<p class="call"><span class="verb {method}">{method.upper()}</span> '
            f"<code>{path}</code></p>",
            "",
        ]
        if operation.get("x-not-available-yet"):
            lines += ["!!! note", "    Not there yet: it answers `501 not_available_yet`.", ""]
        lines += [operation.get("description", "").strip(), ""]
        lines += self._parameters(operation["parameters"])
        lines += self._body(operation.get("requestBody"))
        for status, answer in operation.get("responses", {}).items():
            if status != "default":
                lines += self._answer(status, self._of(answer))
        return lines

    def _parameters(self, parameters: list[Schema]) -> list[str]:
        rows = []
        for one in map(self._of, parameters):
            where = {"path": "in the path", "query": "after `?`", "header": "header"}[one["in"]]
            kind = self._kind(one.get("schema", {}))
            text = one.get("description") or self._of(one.get("schema", {})).get("description", "")
            required = ", required" if one.get("required") and one["in"] != "path" else ""
            rows.append(f"| `{one['name']}` | {where}{required} | {kind} | {_cell(text)} |")
        if not rows:
            return []
        return ["", "| parameter | where | type | |", "|---|---|---|---|", *rows, ""]

    def _body(self, body: Schema | None) -> list[str]:
        lines: list[str] = []
        for media, content in self._of(body or {}).get("content", {}).items():
            schema = content.get("schema", {})
            rows = list(self._rows(schema, "", 0))
            text = self._of(schema).get("description", "").strip()
            lines += ["", f"**Body**, `{media}`{': ' + text if text else ''}", ""]
            if rows:
                lines += ["| field | type | |", "|---|---|---|", *rows, ""]
        return lines

    def _answer(self, status: str, answer: Schema) -> list[str]:
        lines = ["", f"**{status}** {answer.get('description', '').strip()}", ""]
        for name, header in map(self._header, answer.get("headers", {}).items()):
            lines += [f"Header `{name}`: {_cell(header)}", ""]
        for media, content in answer.get("content", {}).items():
            rows = list(self._rows(content.get("schema", {}), "", 0))
            if not rows:
                lines += [f"`{media}`", ""]
                continue
            lines += [f'??? abstract "`{media}`"', ""]
            lines += [f"    {row}" for row in ("| field | type | |", "|---|---|---|", *rows)]
            lines.append("")
        return lines

    def _header(self, entry: tuple[str, Schema]) -> tuple[str, str]:
        name, header = entry
        header = self._of(header)
        schema = self._of(header.get("schema", {}))
        return name, header.get("description") or schema.get("description") or self._kind(schema)

    def _rows(self, schema: Schema, prefix: str, depth: int) -> list[str]:
        """The fields of an object, those of objects within it by dotted names."""
        rows = []
        whole = self._whole(schema)
        for name, field in whole.get("properties", {}).items():
            its = self._of(field)
            must = "required" if name in whole.get("required", []) else ""
            text = field.get("description") or its.get("description", "")
            default = f" Default `{its['default']}`." if "default" in its else ""
            kind = self._kind(field)
            about = f"{kind}{', ' + must if must and depth == 0 else ''}"
            rows.append(f"| `{prefix}{name}` | {about} | {_cell(text)}{default} |")
            inner = its.get("items") if its.get("type") == "array" else field
            if depth < DEPTH and inner is not None:
                mark = "[]." if its.get("type") == "array" else "."
                rows += self._rows(inner, f"{prefix}{name}{mark}", depth + 1)
        return rows

    def _whole(self, schema: Schema) -> Schema:
        """An object with what its parts add; of alternatives all fields there may be."""
        schema = self._of(schema)
        properties: dict[str, Any] = {}
        required: list[str] = list(schema.get("required", []))
        for part in (*schema.get("allOf", []), *schema.get("oneOf", []), *schema.get("anyOf", [])):
            whole = self._whole(part)
            for name, field in whole.get("properties", {}).items():
                properties[name] = _either(properties.get(name), field)
            required += whole.get("required", []) if part in schema.get("allOf", []) else []
        properties.update(schema.get("properties", {}))
        return {"properties": properties, "required": required}

    def _kind(self, schema: Schema) -> str:
        schema = self._of(schema)
        if "const" in schema:
            return f"`{schema['const']}`"
        if "enum" in schema:
            values = [f"`{value}`" for value in schema["enum"] if value is not None]
            return ", ".join(values) if len(values) <= 12 else "text, see its list"
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return " or ".join(dict.fromkeys(map(self._kind, schema[word])))
        if "allOf" in schema:
            return "object"
        kind = schema.get("type", "object" if "properties" in schema else "any value")
        kinds = kind if isinstance(kind, list) else [kind]
        return " or ".join(self._word(one, schema) for one in kinds)

    def _word(self, kind: str, schema: Schema) -> str:
        if kind == "array":
            return f"list of {self._kind(schema.get('items', {}))}"
        if kind == "string" and schema.get("format") == "date-time":
            return "time"
        if kind in ("integer", "number"):
            least, most = schema.get("minimum"), schema.get("maximum")
            bounds = [f"≥ {least}"] if least is not None and most is None else []
            bounds = [f"{least or 0} to {most:,}"] if most is not None else bounds
            return " ".join([kind, *bounds])
        return {"string": "text", "null": "null", "boolean": "true or false"}.get(kind, kind)

    def _of(self, schema: Schema) -> Schema:
        """What a reference leads to, with what stands beside it."""
        while "$ref" in schema:
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            found: Any = self._api
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = {**found, **beside}
        return schema


def _either(first: Schema | None, second: Schema) -> Schema:
    """A field that alternatives have each in their way."""
    if first is None or first == second:
        return second
    return {"oneOf": [*first.get("oneOf", [first]), second]}


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")
