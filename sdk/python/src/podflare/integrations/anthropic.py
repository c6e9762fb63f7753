"""Anthropic Messages.

    message = client.messages.create(..., tools=[CODE_EXECUTION_TOOL])
    for block in message.content:
        if block.type == "tool_use":
            results.append(handle_code_execution_tool_use(block, sandbox))

``tool_definitions()`` and ``handle_tool_use`` do the same with all tools. Nothing of the package
``anthropic`` is needed here; blocks may be its objects or dicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podflare.integrations._calls import (
    arguments_of,
    async_toolset_of,
    base64_of,
    part,
    toolset_of,
)
from podflare.tools import RUN_CODE, ToolOutput, ToolSpec, specs

if TYPE_CHECKING:
    from podflare._async.sandbox import AsyncSandbox
    from podflare._async.toolset import AsyncToolset
    from podflare._sync.sandbox import Sandbox
    from podflare._sync.toolset import Toolset


def _definition(spec: ToolSpec, name: str | None = None) -> dict[str, Any]:
    return {
        "name": name or spec.name,
        "description": spec.description,
        "input_schema": spec.parameters,
    }


CODE_EXECUTION_TOOL: dict[str, Any] = _definition(RUN_CODE, "code_execution")
"""For ``handle_code_execution_tool_use``."""


def tool_definitions(names: list[str] | None = None) -> list[dict[str, Any]]:
    """Tools for ``messages.create``, for ``handle_tool_use``."""
    return [_definition(spec) for spec in specs(names)]


def handle_code_execution_tool_use(
    tool_use_block: Any, sandbox: Sandbox | Toolset
) -> dict[str, Any]:
    """Runs the code of a ``tool_use`` block, whatever the tool's name, and returns the
    ``tool_result`` block for the next message."""
    arguments = arguments_of(part(tool_use_block, "input"))
    output = toolset_of(sandbox).call(RUN_CODE.name, arguments)
    return _result(tool_use_block, output)


async def ahandle_code_execution_tool_use(
    tool_use_block: Any, sandbox: AsyncSandbox | AsyncToolset
) -> dict[str, Any]:
    """As ``handle_code_execution_tool_use``."""
    arguments = arguments_of(part(tool_use_block, "input"))
    output = await async_toolset_of(sandbox).call(RUN_CODE.name, arguments)
    return _result(tool_use_block, output)


def handle_tool_use(tool_use_block: Any, toolset: Toolset) -> dict[str, Any]:
    """Does what a ``tool_use`` block of ``tool_definitions()`` asks; the ``tool_result`` block."""
    arguments = arguments_of(part(tool_use_block, "input"))
    return _result(tool_use_block, toolset.call(str(part(tool_use_block, "name")), arguments))


async def ahandle_tool_use(tool_use_block: Any, toolset: AsyncToolset) -> dict[str, Any]:
    """As ``handle_tool_use``."""
    arguments = arguments_of(part(tool_use_block, "input"))
    output = await toolset.call(str(part(tool_use_block, "name")), arguments)
    return _result(tool_use_block, output)


def _result(block: Any, output: ToolOutput) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": output.text}]
    for image in output.images:
        source = {"type": "base64", "media_type": image.mime, "data": base64_of(image.data)}
        content.append({"type": "image", "source": source})
    return {
        "type": "tool_result",
        "tool_use_id": part(block, "id"),
        "content": content,
        "is_error": output.is_error,
    }
