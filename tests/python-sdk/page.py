"""Executes the blocks of one page of the documentation, in their order: Python in one namespace,
bash by bash, Java as programs of one file. Reads `[[language, text], …]` as JSON, and writes what
each has printed.

A program of its own, so that a page has an interpreter as its reader has.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SECONDS = 120


def python(text: str, names: dict[str, Any]) -> str:
    """Also with `await` at its top, as in a notebook."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = compile(text, "<page>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, names))
        else:
            exec(code, names)
    return printed.getvalue()


def bash(text: str) -> str:
    return run("bash", "-euo", "pipefail", "-c", text)


def java(text: str) -> str:
    Path("Main.java").write_text(text)
    return run(os.environ["PAGE_JAVA"], "-cp", os.environ["PAGE_CLASSES"], "Main.java")


def run(*command: str) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    languages = {"python": lambda text: python(text, names), "bash": bash, "java": java}
    printed = []
    for language, text in json.load(sys.stdin):
        try:
            printed.append(languages[language](text))
        except BaseException as failure:
            raise SystemExit(f"{failure!r} in:\n{text}") from failure
    json.dump(printed, sys.stdout)


if __name__ == "__main__":
    main()
