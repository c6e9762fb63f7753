"""Tools for models, without any framework: names, schemas, and what calls give back.

    with Sandbox() as sandbox:
        toolset = Toolset(sandbox)
        output = toolset.call("run_code", {"code": "print(6 * 7)"})
        print(output.text, output.images)

``podflare.integrations`` has them in the forms of agent frameworks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podflare.types import ExecResult

if TYPE_CHECKING:
    from podflare._async.toolset import AsyncToolset as AsyncToolset
    from podflare._sync.toolset import Toolset as Toolset

DEFAULT_LIMIT = 20_000
"""Most characters of one output that a model gets."""
MAX_IMAGES = 8
MAX_IMAGE_BYTES = 4 << 20
MAX_ATTEMPTS = 8


@dataclass(frozen=True)
class ToolSpec:
    """What a model is told of a tool. ``parameters`` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, Any]


def _object(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


_CODE = {"type": "string", "description": "Code to run: a program or a part of one."}
_LANGUAGE = {
    "type": "string",
    "enum": ["python", "bash"],
    "description": "'python' (default) or 'bash'.",
}
_PATH = {"type": "string", "description": "Absolute, or from /root on."}

RUN_CODE = ToolSpec(
    "run_code",
    "Run code in an isolated Linux microVM. Python variables, imports and files stay from call to "
    "call. Returns stdout, stderr, the exit code, the value of a last expression, and figures.",
    _object(["code"], code=_CODE, language=_LANGUAGE),
)
RUN_BASH = ToolSpec(
    "run_bash",
    "Run a bash script in the same machine, in a new process. Files stay, variables do not.",
    _object(
        ["command"],
        command={"type": "string", "description": "The script."},
        timeout_seconds={"type": "integer", "minimum": 1, "description": "Stops it after so long."},
    ),
)
READ_FILE = ToolSpec(
    "read_file",
    "Read a text file of the machine, or a part of it.",
    _object(
        ["path"],
        path=_PATH,
        offset={"type": "integer", "minimum": 0, "description": "First byte; default 0."},
        length={"type": "integer", "minimum": 1, "description": "Bytes; default is all."},
    ),
)
WRITE_FILE = ToolSpec(
    "write_file",
    "Write a text file of the machine, with the folders above it; what was there is replaced.",
    _object(
        ["path", "content"], path=_PATH, content={"type": "string", "description": "All of it."}
    ),
)
FORK_AND_TRY = ToolSpec(
    "fork_and_try",
    "Try several ways at once. Each attempt runs in its own copy of the machine, with all of its "
    "memory, variables and files; nothing that it does is seen outside. Returns what each gave. "
    "Then call keep_attempt with the number of the one to go on with.",
    _object(
        ["attempts"],
        attempts={
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "maxItems": MAX_ATTEMPTS,
            "description": "The code of each attempt.",
        },
        language=_LANGUAGE,
    ),
)
KEEP_ATTEMPT = ToolSpec(
    "keep_attempt",
    "After fork_and_try: the machine goes on as that attempt left it, and the others are dropped.",
    _object(
        ["attempt"],
        attempt={
            "type": "integer",
            "minimum": 0,
            "description": "Number of the attempt, from 1; 0 drops all and leaves it as it was.",
        },
    ),
)

SPECS = {
    spec.name: spec
    for spec in (RUN_CODE, RUN_BASH, READ_FILE, WRITE_FILE, FORK_AND_TRY, KEEP_ATTEMPT)
}


def specs(names: list[str] | None = None) -> list[ToolSpec]:
    """All tools, or those of the names."""
    return list(SPECS.values()) if names is None else [SPECS[name] for name in names]


@dataclass(frozen=True)
class Image:
    mime: str
    data: bytes


@dataclass(frozen=True)
class ToolOutput:
    """What a model gets of a call."""

    text: str
    data: dict[str, Any]
    """The same for programs and for frameworks that take JSON."""
    images: list[Image] = field(default_factory=list)
    is_error: bool = False


class BadArguments(ValueError):
    """A model called a tool in a way that there is not. The message is for the model."""


def of_result(result: ExecResult, stdout: str, stderr: str) -> ToolOutput:
    """The output of an execution; ``stdout`` and ``stderr`` are cut already."""
    data: dict[str, Any] = {"stdout": stdout, "stderr": stderr, "exit_code": result.exit_code}
    text = f"stdout:\n{stdout}\nstderr:\n{stderr}\nexit_code: {result.exit_code}"
    if result.reason not in ("exited", "crashed"):
        data["reason"] = result.reason
        text += f"\nreason: {result.reason}"
    images, left_out = _images(result)
    value = result.value
    if value is not None and value.text is not None and value.png is None and value.jpeg is None:
        data["result"] = shorten(value.text, DEFAULT_LIMIT, None)
        text += f"\nresult:\n{data['result']}"
    if images or left_out:
        more = f", {left_out} more left out" if left_out else ""
        text += f"\nfigures: {len(images)}{more}"
    return ToolOutput(text, data, images, is_error=result.exit_code != 0)


def _images(result: ExecResult) -> tuple[list[Image], int]:
    found = []
    for shown in result.results:
        if (png := shown.png) is not None:
            found.append(Image("image/png", png))
        elif (jpeg := shown.jpeg) is not None:
            found.append(Image("image/jpeg", jpeg))
    fitting = [image for image in found if len(image.data) <= MAX_IMAGE_BYTES][:MAX_IMAGES]
    return fitting, len(found) - len(fitting)


def shorten(text: str, limit: int, where: str | None) -> str:
    """Keeps head and tail of a long text and says how much is left out, and where all of it is."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit // 2], text[-(limit // 2) :]
    left_out = len(text) - len(head) - len(tail)
    lines = text.count("\n", len(head), len(text) - len(tail))
    place = f"; all of it is in {where}" if where else ""
    return f"{head}\n[… {left_out} characters ({lines} lines) left out here{place} …]\n{tail}"


def text_argument(arguments: dict[str, Any], name: str, default: str | None = None) -> str:
    value = arguments.get(name, default)
    if not isinstance(value, str):
        raise BadArguments(f"{name} must be a text")
    return value


def number_argument(arguments: dict[str, Any], name: str, least: int) -> int | None:
    value = arguments.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # some models have no integers
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadArguments(f"{name} must be a whole number of at least {least}")
    return value


def texts_argument(arguments: dict[str, Any], name: str, most: int) -> list[str]:
    value = arguments.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadArguments(f"{name} must be a list of texts")
    if not 1 <= len(value) <= most:
        raise BadArguments(f"{name} must have 1 to {most} texts")
    return value


def language_argument(arguments: dict[str, Any]) -> str:
    language = arguments.get("language") or "python"
    if language not in ("python", "bash"):
        raise BadArguments("language must be 'python' or 'bash'")
    return str(language)


def failed(message: str, code: str) -> ToolOutput:
    return ToolOutput(f"error: {message}", {"error": message, "code": code}, is_error=True)


def __getattr__(name: str) -> Any:
    if name == "Toolset":
        from podflare._sync.toolset import Toolset

        return Toolset
    if name == "AsyncToolset":
        from podflare._async.toolset import AsyncToolset

        return AsyncToolset
    raise AttributeError(f"module 'podflare.tools' has no attribute {name!r}")
