"""MkDocs asks these for the pages that are made of something else: the reference and the errors of
`openapi.yaml`, the decisions of `docs/decisions`, the verbs of `README.md`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
import errors
import reference

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs" / "decisions"


def contract() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8")))


def on_config(config: Any) -> Any:
    api = contract()
    parts = {
        "API": [{"Conventions": "api/index.md"}, *reference.nav(api)],
        "Errors": ["errors/index.md"],
        "Decisions": [
            {_title(page): f"decisions/{page.name}"} for page in sorted(DECISIONS.glob("*.md"))
        ],
    }
    for section in config["nav"]:
        ((name, pages),) = section.items()
        if not pages:
            section[name] = parts[name]
    return config


def on_files(files: Files, config: Any) -> Files:
    api = contract()
    codes = errors.codes(ROOT / "openapi.yaml")
    pages = {
        **reference.pages(api, codes),
        **errors.pages(api, codes, ROOT / "docs" / "errors.yaml"),
        **{f"decisions/{page.name}": page.read_text("utf-8") for page in DECISIONS.glob("*.md")},
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    picture = ROOT / "docs" / "podflare.svg"
    files.append(File.generated(config, "assets/podflare.svg", abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, **about: Any) -> str:
    """`{{ verbs }}` stands for the table of README.md, which a test holds against the program."""
    if "{{ verbs }}" not in markdown:
        return markdown
    section = (ROOT / "README.md").read_text("utf-8").partition("## Verbs\n")[2]
    table = re.search(r"\| verb .*?\n\n", section, re.DOTALL)
    assert table is not None, "README.md has no table of verbs"
    return markdown.replace("{{ verbs }}", table[0])


def _title(page: Path) -> str:
    return re.sub(r"^# ", "", page.read_text("utf-8").splitlines()[0])
