"""Tree search over a failing test suite: each fix is tried in a fork, the best forks are forked on.

    python tree_search.py FOLDER

The model sees the sources and what the tests say, and proposes several different fixes at once.
Each is tried in a copy of the machine, so none spoils another, and a dead end costs nothing: the
search goes on from whatever copy passes most. In the end the way to the goal becomes the machine,
and what it changed is printed as a patch.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from anthropic import Anthropic
from podflare import Sandbox, errors

MODEL = os.environ.get("ANTHROPIC_MODEL", "claude-sonnet-5-5")
PROJECT = "/root/project"
ROUNDS = 8

PROPOSE: Any = {
    "name": "propose_fixes",
    "description": "Propose one to four different fixes; each is tried by itself.",
    "input_schema": {
        "type": "object",
        "required": ["fixes"],
        "properties": {
            "fixes": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["file", "old", "new"],
                    "properties": {
                        "file": {"type": "string", "description": "Name in the project."},
                        "old": {"type": "string", "description": "Text that is there, exactly."},
                        "new": {"type": "string", "description": "What to put in its place."},
                    },
                },
            }
        },
    },
}


@dataclass(frozen=True)
class Node:
    """A machine, and what the tests say in it."""

    sandbox: Sandbox
    passed: int
    ok: bool
    report: str


def look(sandbox: Sandbox) -> Node:
    run = sandbox.run_code("python3 -m unittest -q", "bash", cwd=PROJECT, timeout_seconds=120)
    ran = re.search(r"^Ran (\d+) test", run.stderr, re.MULTILINE)
    failed = re.findall(r"(?:failures|errors)=(\d+)", run.stderr)
    passed = int(ran[1]) - sum(map(int, failed)) if ran else 0
    return Node(sandbox, passed, run.ok, run.stderr[-8000:])


def try_fix(sandbox: Sandbox, fix: dict[str, str]) -> Node:
    path = f"{PROJECT}/{fix['file']}"
    try:
        text = sandbox.files.read_text(path)
        sandbox.files.write(path, text.replace(fix["old"], fix["new"], 1))
    except errors.FileNotFound as missing:
        return Node(sandbox, 0, False, str(missing))
    return look(sandbox)


def ask(model: Anthropic, node: Node) -> list[dict[str, str]]:
    sources = node.sandbox.run_code("tail -n +1 *.py | head -c 50000", "bash", cwd=PROJECT)
    answer = model.messages.create(
        model=MODEL,
        max_tokens=4000,
        tools=[PROPOSE],
        tool_choice={"type": "tool", "name": PROPOSE["name"]},
        messages=[{"role": "user", "content": f"{sources.stdout}\n\nTests say:\n{node.report}"}],
    )
    asked: Any = next(block for block in answer.content if block.type == "tool_use")
    return list(asked.input["fixes"])[:4]


def search(root: Node, model: Anthropic, copies: ExitStack) -> Node:
    """The best machine of all that were tried; ``copies`` closes them."""
    nodes, frontier = [root], [root]
    with ThreadPoolExecutor() as threads:
        for _ in range(ROUNDS):
            best = max(frontier, key=lambda node: node.passed)
            fixes = ask(model, best)
            forks = [copies.enter_context(fork) for fork in best.sandbox.fork(len(fixes))]
            found = list(threads.map(try_fix, forks, fixes))
            for fix, node in zip(fixes, found, strict=True):
                print(f"{best.passed} -> {node.passed} pass  {fix['file']}: {fix['new'].strip()}")
            nodes += found
            # All tests of the beginning, not fewer that pass by themselves.
            if any(node.ok and node.passed >= root.passed for node in found):
                break
            better = [node for node in found if node.passed > best.passed]
            frontier = [node for node in frontier if node is not best or not better] + better
    return max(nodes, key=lambda node: (node.ok, node.passed))


def packed(folder: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(folder, arcname=".")
    return buffer.getvalue()


def main(folder: str) -> int:
    with Sandbox(egress=False) as sandbox, ExitStack() as copies:
        sandbox.files.unpack(PROJECT, packed(folder))
        (before,) = map(copies.enter_context, sandbox.fork())
        best = search(look(sandbox), Anthropic(), copies)
        if best.sandbox is not sandbox:
            sandbox.merge_into(best.sandbox)
        for change in before.diff(sandbox, [PROJECT], content=True).modified:
            print(change.patch or "", end="")
        after = look(sandbox)
    print("all tests pass" if after.ok else after.report)
    return 0 if after.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
