"""The interpreter of the conformance scripts for runners in Python, see README.md."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import yaml

SCRIPTS = Path(__file__).parent / "scripts"
SECONDS = 120.0
MISSING = object()


class Handle(Protocol):
    """A sandbox, as an SDK has it."""

    @property
    def id(self) -> str: ...


class Refused(Exception):
    """An error of the API, as runners tell it."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(str(told))
        self.told = told


class Runner(Protocol):
    """What an SDK brings along."""

    def call(self, name: str, on: Handle | None, arguments: dict[str, Any]) -> Any:
        """Does a call; raises ``Refused``."""

    def close(self, handle: Handle) -> None:
        """Ends a sandbox, whatever state it is in."""


def scripts(official: bool = False) -> list[str]:
    names = sorted(path.stem for path in SCRIPTS.glob("*.yaml"))
    return [name for name in names if load(name).get("official", False) or not official]


def load(name: str) -> dict[str, Any]:
    script = yaml.safe_load((SCRIPTS / f"{name}.yaml").read_text("utf-8"))
    unknown = set(script) - {"about", "official", "steps"}
    assert not unknown, f"{name}: unknown keys {unknown}"
    return dict(script)


def run(name: str, runner: Runner, is_handle: Callable[[object], bool]) -> None:
    """Runs a script; a step that fails is an ``AssertionError`` that names it."""
    kept: dict[str, Any] = {}
    made: list[Handle] = []
    try:
        for number, step in enumerate(load(name)["steps"], 1):
            try:
                _step(step, runner, kept, made, is_handle)
            except AssertionError as failure:
                raise AssertionError(f"{name}, step {number} {step}: {failure}") from failure
    finally:
        for handle in reversed(made):
            runner.close(handle)


def _step(
    step: dict[str, Any],
    runner: Runner,
    kept: dict[str, Any],
    made: list[Handle],
    is_handle: Callable[[object], bool],
) -> None:
    unknown = set(step) - {"call", "of", "with", "as", "expect", "error", "until"}
    assert not unknown, f"unknown keys {unknown}"
    assert not ("expect" in step and "error" in step), "both expect and error"
    on = refer(f"${step['of']}", kept) if "of" in step else None
    arguments = resolve(step.get("with", {}), kept)
    end = time.monotonic() + SECONDS
    while True:
        try:
            result = _call(runner, step, on, arguments)
            made += _handles(result, is_handle)
            wanted = step.get("error", step.get("expect", MISSING))
            if wanted is not MISSING:
                match(result, resolve(wanted, kept), "")
            break
        except AssertionError:
            if not step.get("until") or time.monotonic() > end:
                raise
            time.sleep(0.1)
    if "as" in step:
        kept[step["as"]] = result


def _call(runner: Runner, step: dict[str, Any], on: Any, arguments: dict[str, Any]) -> Any:
    try:
        result = runner.call(step["call"], on, arguments)
    except Refused as refused:
        assert "error" in step, f"refused: {refused}"
        return refused.told
    assert "error" not in step, f"no error, but {result!r}"
    return result


def _handles(result: Any, is_handle: Callable[[object], bool]) -> Iterator[Handle]:
    if is_handle(result):
        yield result
    elif isinstance(result, list):
        for each in result:
            yield from _handles(each, is_handle)
    elif isinstance(result, dict):
        yield from _handles(result.get("children"), is_handle)


def resolve(value: Any, kept: dict[str, Any]) -> Any:
    """A value with what it refers to in place."""
    if isinstance(value, str) and value.startswith("$$"):
        return value[1:]
    if isinstance(value, str) and value.startswith("$"):
        return refer(value, kept)
    if isinstance(value, list):
        return [resolve(each, kept) for each in value]
    if isinstance(value, dict):
        if set(value) == {"bytes"}:
            return value["bytes"].encode()
        if set(value) == {"base64"}:
            return base64.b64decode(value["base64"])
        return {key: resolve(each, kept) for key, each in value.items()}
    return value


def refer(text: str, kept: dict[str, Any]) -> Any:
    first, *parts = text[1:].split(".")
    assert first in kept, f"nothing was kept as {first}"
    value = kept[first]
    for part in parts:
        if isinstance(value, list):
            value = value[int(part)]
        elif isinstance(value, dict):
            assert part in value, f"no {part} in {value}"
            value = value[part]
        else:
            assert part == "id", f"a handle has an id only, not {part}"
            value = value.id
    return value


def match(value: Any, wanted: Any, where: str) -> None:
    """Fails if a value is not what is expected."""
    at = where or "the result"
    if isinstance(wanted, dict):
        if len(wanted) == 1 and (key := next(iter(wanted))) in MATCHERS:
            MATCHERS[key](value, wanted[key], at)
            return
        assert isinstance(value, dict), f"{at} is {value!r}, no mapping"
        for key, part in wanted.items():
            assert key in value, f"{at} has no {key}: {value}"
            match(value[key], part, f"{where}.{key}" if where else key)
    elif isinstance(wanted, list):
        assert isinstance(value, list), f"{at} is {value!r}, no list"
        assert len(value) == len(wanted), f"{at} has {len(value)} entries: {value}"
        for number, part in enumerate(wanted):
            match(value[number], part, f"{where}.{number}" if where else str(number))
    else:
        same = value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
        assert same, f"{at} is {value!r}, not {wanted!r}"


def _matches(value: Any, wanted: str, at: str) -> None:
    assert isinstance(value, str) and re.search(wanted, value), f"{at} is {value!r}, not {wanted}"


def _contains(value: Any, wanted: Any, at: str) -> None:
    if isinstance(value, str):
        assert wanted in value, f"{at} is {value!r}, without {wanted!r}"
        return
    assert isinstance(value, list), f"{at} is {value!r}, neither text nor list"
    assert any(_fits(each, wanted) for each in value), f"{at} has no {wanted}: {value}"


def _fits(value: Any, wanted: Any) -> bool:
    try:
        match(value, wanted, "")
    except AssertionError:
        return False
    return True


def _size(value: Any, wanted: int, at: str) -> None:
    assert len(value) == wanted, f"{at} has the length {len(value)}, not {wanted}: {value!r}"


def _at_least(value: Any, wanted: float, at: str) -> None:
    assert value >= wanted, f"{at} is {value}, less than {wanted}"


def _at_most(value: Any, wanted: float, at: str) -> None:
    assert value <= wanted, f"{at} is {value}, more than {wanted}"


def _any(value: Any, wanted: bool, at: str) -> None:
    assert value is not None, f"{at} is null"


def _not(value: Any, wanted: Any, at: str) -> None:
    assert not _fits(value, wanted), f"{at} is {value!r}"


MATCHERS: dict[str, Callable[[Any, Any, str], None]] = {
    "matches": _matches,
    "contains": _contains,
    "size": _size,
    "at_least": _at_least,
    "at_most": _at_most,
    "any": _any,
    "not": _not,
}
