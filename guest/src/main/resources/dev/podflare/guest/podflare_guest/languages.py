"""The languages of contexts: their programs, and how a process that was made ahead becomes somebody's context."""

import json
import os
import time
from collections.abc import Callable
from typing import NamedTuple

from .spawn import which
from .uploads import write_code

_HERE = os.path.dirname(os.path.abspath(__file__))
# The code runs in this very shell. An interrupt ends what it runs, and then the code itself, but not the shell.
_BASH = (
    "trap 'return 130 2>/dev/null' INT; "
    "[ \"$1\" != warm ] || { shift; printf '{\"ready\":true}\\n' >&201; }; "
    "while IFS= read -r -u 200 __podflare; do "
    'case $__podflare in /*) . "$__podflare"; printf \'{"end":%d}\\n\' "$?" >&201;; '
    '*) eval "$__podflare";; esac; done'
)
# Node would end itself when it finds a callback that was stopped in its midst by an interrupt.
_UNCHECKED = "--no-force-async-hooks-checks"
# Compiled by the first one of a guest. What changes the environment needs a newer Java than the rest.
_JAVA = (
    'd=$1/java; s=$2; shift 2; if [ ! -e "$d" ]; then t=$(mktemp -d "$d.XXXXXX") && { '
    'javac -nowarn -d "$t" "$s/JavaContext.java" "$s/JavaEnvironment.java" 2>"$t/log" '
    '|| javac -nowarn -d "$t" "$s/JavaContext.java" 2>"$t/log" || cat "$t/log" >&2; } '
    '&& { mv -T "$t" "$d" 2>/dev/null || rm -rf "$t"; }; fi; '
    "exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xms16m -XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=20 "
    "--add-opens=java.base/java.util=ALL-UNNAMED --enable-native-access=ALL-UNNAMED "
    '-cp "$d" podflare.JavaContext "$@"'
)


class Language(NamedTuple):
    """`argv`: of the program's path, the run folder and whether it is made ahead. `adapt`: a line for one of those."""

    programs: tuple[str, ...]
    argv: Callable[[str, str, bool], list[str]]
    adapt: Callable[[str, dict[str, str], str], str]


def _warm(ahead: bool) -> list[str]:
    return ["warm"] if ahead else []


def _bash(program: str, _folder: str, ahead: bool) -> list[str]:
    return [program, "--noprofile", "--norc", "-c", _BASH, "bash", *_warm(ahead)]


def _node(language: str) -> Callable[[str, str, bool], list[str]]:
    def argv(program: str, _folder: str, ahead: bool) -> list[str]:
        return [program, _UNCHECKED, os.path.join(_HERE, "driver.js"), language, *_warm(ahead)]

    return argv


def _java(_program: str, folder: str, ahead: bool) -> list[str]:
    return ["/bin/sh", "-c", _JAVA, "java", folder, _HERE, *_warm(ahead)]


def _quoted(text: str) -> str:
    """For bash, on one line whatever is in it."""
    for plain, escaped in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return f"$'{text}'"


def _adapt_bash(cwd: str, variables: dict[str, str], _folder: str) -> str:
    exports = "".join(f"export {name}={_quoted(value)}; " for name, value in variables.items() if name.isascii() and name.isidentifier())
    return f"{exports}cd -- {_quoted(cwd)}; RANDOM=$SRANDOM"


def _adapt_java(_cwd: str, variables: dict[str, str], folder: str) -> str:
    """JSON in Java alone is no pleasure: a file of NAME=VALUE, each with a NUL behind it."""
    body = "".join(f"{name}={value}\0" for name, value in variables.items())
    path = write_code(folder, f"adapt-{time.monotonic_ns()}", body.encode("utf-8", "surrogateescape"))
    return json.dumps({"env": path}, separators=(",", ":"))


def _adapt_json(cwd: str, variables: dict[str, str], _folder: str) -> str:
    return json.dumps({"cwd": cwd, "env": variables})


def _r(program: str, _folder: str, ahead: bool) -> list[str]:
    return [program, "--vanilla", os.path.join(_HERE, "driver.R"), *_warm(ahead)]


def _adapt_r(cwd: str, variables: dict[str, str], _folder: str) -> str:
    """JSON's texts are R's as well."""

    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=False)

    pairs = [f"`{name}` = {text(value)}" for name, value in variables.items() if name.isidentifier()]
    return f"Sys.setenv({', '.join(pairs)}); setwd({text(cwd)})" if pairs else f"setwd({text(cwd)})"


LANGUAGES = {
    "bash": Language(("bash",), _bash, _adapt_bash),
    "javascript": Language(("node",), _node("javascript"), _adapt_json),
    "typescript": Language(("node",), _node("typescript"), _adapt_json),
    "java": Language(("java", "javac"), _java, _adapt_java),
    "r": Language(("Rscript",), _r, _adapt_r),
}
# Where Node finds the compiler, unless it is in the context's folder; the same places as in typescript.js.
_TYPESCRIPT = (
    "/usr/local/lib/node_modules/typescript",
    "/usr/lib/node_modules/typescript",
    "/usr/share/nodejs/typescript",
)


def available(environment: dict[str, str]) -> list[str]:
    """Those whose programs are there, in a fixed order."""

    def there(program: str) -> bool:
        return os.access(which(program, environment), os.X_OK)

    found = ["python"] if there("python3") else []
    for name, language in LANGUAGES.items():
        if all(there(program) for program in language.programs):
            if name != "typescript" or _has_typescript(environment):
                found.append(name)
    return found


def _has_typescript(environment: dict[str, str]) -> bool:
    paths = environment.get("NODE_PATH", "").split(":")
    places = (*_TYPESCRIPT, *(os.path.join(path, "typescript") for path in paths if path))
    return any(os.path.isdir(place) for place in places)


def command(language: str, environment: dict[str, str], folder: str, ahead: bool) -> list[str]:
    entry = LANGUAGES[language]
    return entry.argv(which(entry.programs[0], environment), folder, ahead)
