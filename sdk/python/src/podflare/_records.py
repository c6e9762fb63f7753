"""How answers of the server become dataclasses.

A record names what it knows of a JSON object. What it does not know, of a newer server, is left
out; what it must have and has not is a ``BadAnswer``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)
else:
    T = TypeVar("T")

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)")


def read(kind: type[T], data: object) -> T:
    """A record of a JSON object."""
    from podflare.errors import BadAnswer

    if not isinstance(data, Mapping):
        raise BadAnswer(f"no {kind.__name__} in the answer: {str(data)[:200]!r}")
    values: dict[str, Any] = {}
    try:
        for each in fields(kind):
            name = each.metadata.get("name", each.name)
            if name in data:
                reader = each.metadata.get("read")
                value = data[name]
                values[each.name] = value if reader is None or value is None else reader(value)
        return kind(**values)
    except (TypeError, ValueError, KeyError) as wrong:
        raise BadAnswer(f"not a {kind.__name__}: {wrong}") from wrong


def read_all(kind: type[T], data: object, name: str = "") -> list[T]:
    """Records of a JSON array, or of the array that an object has under a name."""
    from podflare.errors import BadAnswer

    rows = data.get(name) if name and isinstance(data, Mapping) else data
    if not isinstance(rows, list):
        raise BadAnswer(f"no list of {kind.__name__} in the answer: {str(data)[:200]!r}")
    return [read(kind, row) for row in rows]


def parse_time(text: str) -> datetime:
    """A time of the API, which is UTC. Digits beyond microseconds are dropped."""
    matched = _TIME.fullmatch(text)
    if matched is None:
        raise ValueError(f"not a time: {text!r}")
    micros = int((matched[2] or "0").ljust(6, "0")[:6])
    whole = datetime.fromisoformat(matched[1])
    return whole.replace(microsecond=micros, tzinfo=timezone.utc)


def time_field() -> Any:
    """A required time."""
    return field(metadata={"read": parse_time})


def optional_time() -> Any:
    """A time that may be missing or null."""
    return field(default=None, metadata={"read": parse_time})


def made(reader: Callable[[Any], object], name: str | None = None, **options: Any) -> Any:
    """A value that is made of JSON by a function; ``name`` in JSON, where it differs."""
    metadata = {"read": reader} if name is None else {"read": reader, "name": name}
    return field(metadata=metadata, **options)
