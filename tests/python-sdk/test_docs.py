"""The documentation: its code does what it says, and as a site it is whole."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
import yaml

from podflare import Client, Sandbox
from provider import Call, Provider, Turn
from support import SECONDS

ROOT = Path(os.environ["SDK_TEST_ROOT"])
PAGES = ROOT / "docs" / "pages"
FENCE = re.compile(
    r"^(?:<!-- not executed(?: here)?: (?P<reason>[^\n]+) -->\n)?"
    r"```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
EXECUTED = ("python", "bash", "java")
OTHERS = ("output", "yaml", "json", "caddy", "nginx")
ELSEWHERE_EXECUTED = ("typescript",)  # by tests/typescript-sdk/docs.test.ts
ELSEWHERE = "http://", "https://", "//"


class Block:
    """A block that is executed, and what it is to print."""

    def __init__(self, language: str, text: str) -> None:
        self.language = language
        self.text = text
        self.output: str | None = None


def blocks(page: Path) -> list[Block]:
    found: list[Block] = []
    last: Block | None = None
    for fence in FENCE.finditer(page.read_text("utf-8")):
        language, text = fence["language"], fence["text"]
        if language == "output":
            assert last is not None, f"{page}: an output of nothing that is executed"
            last.output = text
            last = None
        elif fence["reason"] is None and language in EXECUTED:
            last = Block(language, text)
            found.append(last)
        else:
            known = (*EXECUTED, *ELSEWHERE_EXECUTED, *OTHERS)
            assert language in known, f"{page}: a block of {language!r}"
            last = Block(language, text)  # whoever executes it looks at its output
    return found


ALL = sorted(path for path in PAGES.rglob("*.md"))
WITH_CODE = [page for page in ALL if blocks(page)]


def fits(printed: str, wanted: str) -> bool:
    """`…` stands for anything within a line."""
    pattern = ".*".join(re.escape(part) for part in wanted.strip().split("…"))
    return re.fullmatch(pattern, printed.strip()) is not None


@pytest.fixture
def model(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """Answers each conversation on a page alike."""
    name = "mcp__podflare__run_code" if "claude-agent" in request.node.name else "run_code"
    talk: list[Turn] = [Call(name, {"code": "print(6 * 7)"}), "It is 42."]
    with Provider(*(talk * 4)) as provider:
        yield provider


@pytest.fixture
def clean(client: Client) -> Iterator[None]:
    """Pages may leave sandboxes, as their readers do."""
    before = {one.id for one in client.sandboxes()}
    yield
    for one in client.sandboxes():
        if one.id not in before:
            client.sandbox(one.id).delete()


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(PAGES)))
def test_code_of_a_page(page: Path, tmp_path: Path, client: Client, model: Provider) -> None:
    told = blocks(page)
    texts = [block.text for block in told]
    if any("SANDBOX_ID" in text for text in texts):
        sandbox = Sandbox(client=client, undo=5)
        sandbox.run_code("x = 1")
        texts = [text.replace("SANDBOX_ID", sandbox.id) for text in texts]
    (tmp_path / "podflare").symlink_to(ROOT / "podflare")
    printed = executed(
        [[b.language, text] for b, text in zip(told, texts, strict=True)], tmp_path, model
    )
    for block, text in zip(told, printed, strict=True):
        if block.output is not None:
            assert fits(text, block.output), f"{block.text}\nprinted\n{text}"


def executed(texts: list[list[str]], folder: Path, model: Provider) -> list[str]:
    """What each block has printed, as one program."""
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "k")
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
    classes = {"PAGE_CLASSES": f"{ROOT / 'cli' / 'target' / 'run' / 'current' / 'lib'}/*"}
    java = {"PAGE_JAVA": jdk()} if any(language == "java" for language, _ in texts) else {}
    urls = {
        "OPENAI_BASE_URL": f"{model.url}/v1",
        "ANTHROPIC_BASE_URL": model.url,
        "GOOGLE_GEMINI_BASE_URL": model.url,
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "page.py")],
        input=json.dumps(texts),
        cwd=folder,
        env={
            **{**os.environ, **keys, **quiet, **urls, **classes, **java},
            "HOME": os.environ["SDK_TEST_HOME"],
        },
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def jdk() -> str:
    """The one that the launcher takes."""
    folder = ROOT / "cli" / "launcher"
    script = f"source '{folder}/jdk.sh'; choose_jdk && printf %s \"$JAVA_HOME\""
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    return f"{done.stdout.strip()}/bin/java"


@pytest.mark.usefixtures("clean")
def test_python_of_the_readme(tmp_path: Path, host: str, model: Provider) -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    found = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert "http://127.0.0.1:8787" in found[0]
    texts = [["python", text.replace("http://127.0.0.1:8787", host)] for text in found]
    printed = executed(texts, tmp_path, model)[0]
    assert printed.startswith("2.8\nTraceback (most recent call last)")
    assert printed.endswith("stdout 0\nstdout 1\nstdout 2\nexit 0\n")


def test_what_is_not_executed_says_why() -> None:
    for page in ALL:
        for fence in FENCE.finditer(page.read_text("utf-8")):
            reason = fence["reason"]
            assert reason is None or len(reason.split()) > 3, f"{page}: {reason}"
    assert len(WITH_CODE) > 20


def test_outputs_are_compared() -> None:
    assert fits("a b\nc\n", "a …\nc")
    assert not fits("a b\nd\n", "a …\nc")
    assert not fits("a\n", "a\nb")
    assert not fits("x.y", "x-y")


class Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        for name in ("id", "name"):
            if (value := values.get(name)) is not None:
                self.ids.add(value)
        for name in ("href", "src"):
            value = values.get(name)
            if value is not None:
                (self.links if tag == "a" else self.loaded).add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": ""}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        [*command, "--config-file", str(ROOT / "docs" / "mkdocs.yml")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def built(site: Path) -> dict[Path, Anchors]:
    found = {}
    for page in site.rglob("*.html"):
        found[page] = Anchors()
        found[page].feed(page.read_text("utf-8"))
    return found


def test_no_link_of_the_site_is_dead(site: Path, built: dict[Path, Anchors]) -> None:
    dead = []
    for page, anchors in built.items():
        if page.name == "404.html":  # its links begin at the root, wherever that will be
            continue
        for link in anchors.links | anchors.loaded:
            if link.startswith((*ELSEWHERE, "mailto:", "data:", "javascript:")):
                continue
            path, fragment = urldefrag(link)
            target = (page.parent / unquote(path)).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.is_relative_to(site.resolve()) or not target.exists():
                dead.append(f"{page.relative_to(site)}: {link}")
            elif fragment and target.suffix == ".html" and fragment != "__skip":
                known = unquote(fragment) in built[target].ids
                dead += [] if known else [f"{page.relative_to(site)}: {link}"]
    assert dead == []
    assert sum(len(anchors.links) for anchors in built.values()) > 1000


def test_the_site_loads_nothing_from_elsewhere(site: Path, built: dict[Path, Anchors]) -> None:
    for page, anchors in built.items():
        outside = [one for one in anchors.loaded if one.startswith(ELSEWHERE)]
        assert outside == [], page
    for style in site.rglob("*.css"):
        found = re.findall(r"url\([\"']?((?:https?:)?//[^)]+)\)", style.read_text("utf-8"))
        assert found == [], style


def test_each_code_and_each_call_has_its_place(site: Path, built: dict[Path, Anchors]) -> None:
    contract = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))
    for code in contract["components"]["schemas"]["ErrorCode"]["enum"]:
        text = (site / "errors" / code / "index.html").read_text("utf-8")
        assert f"<code>{code}</code>" in text
    ids = {
        one
        for page, anchors in built.items()
        if page.parent.parent.name == "api"
        for one in anchors.ids
    }
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "put", "post", "patch", "delete"):
                assert operation["operationId"].lower() in ids, path


def test_the_site_can_be_searched(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    places = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {"concepts/forks/", "errors/sandbox_not_found/", "api/processes/"} <= places
