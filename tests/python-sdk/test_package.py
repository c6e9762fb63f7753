"""The package itself: what is in it, that it is what its sources say, and how it is installed."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import yaml

import podflare
from podflare import errors, types

ROOT = Path(os.environ["SDK_TEST_ROOT"])
SDK = ROOT / "sdk" / "python"
EXAMPLES = ROOT / "examples"
SITE = ROOT / "docs" / "generate"
BESIDE = [ROOT / "sdk" / name for name in ("conformance", "bench")]
HERE = Path(__file__).parent
CONTRACT: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]

# Record to schema; what a record has besides, and what of the schema it leaves out on purpose.
RECORDS: list[tuple[type, str, set[str], set[str]]] = [
    (types.SandboxInfo, "Sandbox", set(), set()),
    (types.Undo, "Undo", set(), set()),
    (types.Mount, "Mount", set(), set()),
    (types.Policy, "Policy", set(), set()),
    (types.NetworkInfo, "Network", set(), set()),
    (types.Refusal, "Refusal", set(), set()),
    (types.SpaceInfo, "Space", set(), set()),
    (types.SnapshotInfo, "Snapshot", set(), set()),
    (types.PtySessionInfo, "Terminal", set(), set()),
    (types.ContextInfo, "Context", set(), set()),
    (types.ProcessInfo, "Process", set(), set()),
    (types.GuestProcessInfo, "GuestProcess", set(), set()),
    (types.VolumeInfo, "Volume", set(), set()),
    (types.SecretInfo, "Secret", set(), set()),
    (types.ExecutionInfo, "Execution", set(), set()),
    (types.FileEntry, "FileEntry", set(), set()),
    (types.WrittenFile, "WrittenFile", set(), set()),
    (types.WatchedChange, "WatchedChange", set(), set()),
    (types.FileChange, "FileChange", set(), set()),
    (types.Capacity, "Capacity", set(), set()),
    (types.ServerInfo, "Info", set(), set()),
    (types.KeyInfo, "Key", set(), set()),
    (types.WebhookInfo, "Webhook", {"secret"}, set()),
    (types.LifecycleEvent, "LifecycleEvent", {"id"}, set()),
]

# Record to the call whose answer it is, where that has no name.
ANSWERS: list[tuple[type, str]] = [
    (types.OpenPort, "waitForPort"),
    (types.ClonedRepository, "cloneRepository"),
    (types.LogLine, "waitForLog"),
]


def run(*command: str | Path, **options: Any) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def network() -> dict[str, str]:
    """What a package index needs, which the other tests do not see."""
    prefix = "SDK_TEST_"
    names = ("PIP_", "SSL_", "http", "https", "no_proxy")
    found = {name.removeprefix(prefix): value for name, value in os.environ.items()}
    kept = {name: value for name, value in found.items() if name.startswith(names)}
    return {**os.environ, **kept, "HOME": os.environ["SDK_TEST_HOME"], "PYTHONPATH": ""}


def properties(schema: dict[str, Any]) -> set[str]:
    """All that a schema may have, its parts included."""
    names = set(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        name = part.get("$ref", "").rpartition("/")[2]
        names |= properties(SCHEMAS[name] if name else part)
    return names


@pytest.mark.parametrize(("record", "schema", "more", "less"), RECORDS)
def test_records_are_those_of_the_contract(
    record: Any, schema: str, more: set[str], less: set[str]
) -> None:
    own = {field.metadata.get("name", field.name) for field in dataclasses.fields(record)}
    assert own - more == properties(SCHEMAS[schema]) - less


@pytest.mark.parametrize(("record", "call"), ANSWERS)
def test_answers_are_those_of_the_contract(record: Any, call: str) -> None:
    methods = [one for path in CONTRACT["paths"].values() for one in path.values()]
    operations = {one["operationId"]: one for one in methods if "operationId" in one}
    operation = operations[call]
    content = operation["responses"]["200"]["content"]["application/json"]
    own = {field.name for field in dataclasses.fields(record)}
    assert own == set(content["schema"]["properties"])


def test_each_code_has_a_class() -> None:
    assert set(errors.BY_CODE) == set(SCHEMAS["ErrorCode"]["enum"])
    text = (ROOT / "openapi.yaml").read_text("utf-8")
    statuses = dict(re.findall(r"^ +- ([a-z_]+) # (\d{3})$", text, re.MULTILINE))
    for code, kind in errors.BY_CODE.items():
        assert (kind.code, kind.http_status) == (code, int(statuses[code]))
        assert getattr(errors, kind.__name__) is kind
        assert kind.__name__ in errors.__all__


def test_what_is_generated_is_as_it_would_be_generated() -> None:
    run(sys.executable, SDK / "scripts" / "generate.py", "--check")


@pytest.mark.parametrize("folder", [SDK, HERE, EXAMPLES, SITE, *BESIDE])
def test_ruff(folder: Path) -> None:
    run(sys.executable, "-m", "ruff", "check", "--no-cache", ".", cwd=folder)
    run(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".", cwd=folder)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("folder", [SDK, HERE, EXAMPLES, SITE])
def test_mypy(folder: Path) -> None:
    """With the frameworks, which takes its time once; what it finds out is kept beside them."""
    cache = Path(sys.prefix) / "mypy" / folder.name
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(cache)]
    sources = f"{SDK / 'src'}:{ROOT / 'sdk' / 'conformance'}"
    environment = {**os.environ, "PYTHONPATH": "", "MYPYPATH": sources}
    run(*command, *([] if folder == SDK else ["."]), cwd=folder, env=environment)


def test_an_import_is_light() -> None:
    """The libraries come with the first call."""
    code = "import sys; from podflare import Sandbox, AsyncSandbox; print(*sorted(sys.modules))"
    modules = run(sys.executable, "-c", code).split()
    assert "podflare._async.sandbox" in modules
    heavy = ("httpx", "anyio", "asyncio", "ssl", "websockets", "pydantic")
    assert [name for name in modules if name in heavy] == []


def test_all_names_are_there() -> None:
    for name in podflare.__all__:
        assert getattr(podflare, name) is not None
    assert set(podflare.__all__) <= set(dir(podflare))
    with pytest.raises(AttributeError):
        podflare.no_such_name  # noqa: B018


def test_the_wheel_in_an_empty_environment(tmp_path: Path, host: str) -> None:
    (wheel,) = Path(os.environ["SDK_TEST_WHEELS"]).glob("podflare-*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel)]
    run(python, *install, env=network())
    program = (
        "from podflare import Sandbox\n"
        "with Sandbox() as sandbox:\n"
        "    sandbox.run_code('x = 42')\n"
        "    print(sandbox.run_code('print(x * 2)').stdout)\n"
        "    import podflare; print(podflare.__file__)\n"
    )
    environment = {**os.environ, "PYTHONPATH": ""}
    answer, place = run(python, "-c", program, env=environment, cwd=tmp_path).split()
    assert answer == "84"
    assert place.startswith(str(tmp_path))
    assert (Path(place).parent / "py.typed").exists()
    assert (Path(place).parent / "_sync" / "sandbox.py").exists()
