"""OpenAI Agents SDK.

    agent = Agent(name="analyst", tools=[podflare_code_interpreter()])

or, with all tools and a sandbox of your own:

    async with AsyncSandbox() as sandbox:
        agent = Agent(name="analyst", tools=podflare_tools(sandbox))
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from podflare.integrations._calls import Lazily, arguments_of, async_toolset_of, data_url
from podflare.tools import RUN_CODE, ToolOutput, ToolSpec

try:
    from agents import FunctionTool, ToolOutputImage, ToolOutputText
except ImportError as missing:
    raise ImportError("install what this needs: pip install 'podflare[openai-agents]'") from missing

if TYPE_CHECKING:
    from agents.tool_context import ToolContext

    from podflare._async.sandbox import AsyncSandbox
    from podflare._async.toolset import AsyncToolset


class PodflareFunctionTool(FunctionTool):
    """A tool with a sandbox of its own, which is made when it is first called."""

    def close_podflare_sandbox(self) -> None:
        """Ends the sandbox; the next call makes a new one."""
        self.podflare_sandbox.close()

    podflare_sandbox: Lazily


def podflare_code_interpreter(
    *, host: str | None = None, template: str | None = None, **options: Any
) -> PodflareFunctionTool:
    """The tool ``run_code``, with a sandbox of its own; ``options`` are those of ``Sandbox``.

    It answers with ``{"stdout", "stderr", "exit_code"}``; with figures, as text and images.
    """
    from podflare._sync.sandbox import Sandbox
    from podflare._sync.toolset import Toolset

    sandbox = Lazily(lambda: Sandbox(host=host, template=template, **options))

    def run(arguments: dict[str, Any]) -> ToolOutput:
        return Toolset(sandbox.get()).call(RUN_CODE.name, arguments)

    async def invoke(context: ToolContext[Any], arguments: str) -> Any:
        return answer(await asyncio.to_thread(run, arguments_of(arguments)))

    tool = PodflareFunctionTool(
        name=RUN_CODE.name,
        description=RUN_CODE.description,
        params_json_schema=RUN_CODE.parameters,
        on_invoke_tool=invoke,
        strict_json_schema=False,
    )
    tool.podflare_sandbox = sandbox
    return tool


def podflare_tools(sandbox: AsyncSandbox | AsyncToolset) -> list[FunctionTool]:
    """All tools of a sandbox, which the caller closes."""
    toolset = async_toolset_of(sandbox)
    return [_tool(toolset, spec) for spec in toolset.specs]


def _tool(toolset: AsyncToolset, spec: ToolSpec) -> FunctionTool:
    async def invoke(context: ToolContext[Any], arguments: str) -> Any:
        return answer(await toolset.call(spec.name, arguments_of(arguments)))

    return FunctionTool(
        name=spec.name,
        description=spec.description,
        params_json_schema=spec.parameters,
        on_invoke_tool=invoke,
        strict_json_schema=False,
    )


def answer(output: ToolOutput) -> Any:
    if not output.images:
        return output.data
    images = [ToolOutputImage(image_url=data_url(one.mime, one.data)) for one in output.images]
    return [ToolOutputText(text=output.text), *images]
