"""Google GenAI.

tool = types.Tool(function_declarations=podflare_function_declarations())
for call in response.function_calls:
    parts.append(function_response_part(call, sandbox))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podflare.integrations._calls import (
    arguments_of,
    async_toolset_of,
    part,
    toolset_of,
)
from podflare.tools import RUN_CODE, ToolOutput, ToolSpec, specs

if TYPE_CHECKING:
    from google.genai import types

    from podflare._async.sandbox import AsyncSandbox
    from podflare._async.toolset import AsyncToolset
    from podflare._sync.sandbox import Sandbox
    from podflare._sync.toolset import Toolset


def _declaration(spec: ToolSpec) -> dict[str, Any]:
    return {"name": spec.name, "description": spec.description, "parameters": spec.parameters}


def podflare_function_declaration() -> dict[str, Any]:
    """The tool ``run_code``."""
    return _declaration(RUN_CODE)


def podflare_function_declarations(names: list[str] | None = None) -> list[dict[str, Any]]:
    """All tools, or those of the names."""
    return [_declaration(spec) for spec in specs(names)]


def run_function_call(function_call: Any, sandbox: Sandbox | Toolset) -> dict[str, Any]:
    """Does what a function call asks; of code ``{"stdout", "stderr", "exit_code"}``."""
    return _call(function_call, sandbox).data


async def arun_function_call(
    function_call: Any, sandbox: AsyncSandbox | AsyncToolset
) -> dict[str, Any]:
    """As ``run_function_call``."""
    return (await _acall(function_call, sandbox)).data


def function_response_part(function_call: Any, sandbox: Sandbox | Toolset) -> types.Part:
    """Does what a function call asks; the part for the next content, with figures as images.
    Needs ``google-genai``."""
    return _part(function_call, _call(function_call, sandbox))


async def afunction_response_part(
    function_call: Any, sandbox: AsyncSandbox | AsyncToolset
) -> types.Part:
    """As ``function_response_part``."""
    return _part(function_call, await _acall(function_call, sandbox))


def _call(function_call: Any, sandbox: Sandbox | Toolset) -> ToolOutput:
    name, arguments = part(function_call, "name"), arguments_of(part(function_call, "args"))
    return toolset_of(sandbox).call(str(name), arguments)


async def _acall(function_call: Any, sandbox: AsyncSandbox | AsyncToolset) -> ToolOutput:
    name, arguments = part(function_call, "name"), arguments_of(part(function_call, "args"))
    return await async_toolset_of(sandbox).call(str(name), arguments)


def _part(function_call: Any, output: ToolOutput) -> types.Part:
    try:
        from google.genai import types
    except ImportError as missing:
        raise ImportError("install what this needs: pip install 'podflare[gemini]'") from missing

    images = [
        types.FunctionResponsePart(
            inline_data=types.FunctionResponseBlob(mime_type=one.mime, data=one.data)
        )
        for one in output.images
    ]
    response = types.FunctionResponse(
        id=part(function_call, "id"),
        name=part(function_call, "name"),
        response=output.data,
        parts=images or None,
    )
    return types.Part(function_response=response)
