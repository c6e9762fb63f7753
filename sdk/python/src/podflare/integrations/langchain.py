"""LangChain and LangGraph.

    agent = create_react_agent(model, [PodflareTool()])

or, with all tools and a sandbox of your own, blocking or not:

    agent = create_react_agent(model, podflare_tools(sandbox))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from podflare.integrations._calls import Lazily, async_toolset_of, base64_of, toolset_of
from podflare.tools import RUN_CODE, ToolOutput

try:
    from langchain_core.tools import BaseTool, StructuredTool
    from pydantic import BaseModel, Field, PrivateAttr
except ImportError as missing:
    raise ImportError("install what this needs: pip install 'podflare[langchain]'") from missing

if TYPE_CHECKING:
    from podflare._async.sandbox import AsyncSandbox
    from podflare._async.toolset import AsyncToolset
    from podflare._sync.sandbox import Sandbox
    from podflare._sync.toolset import Toolset


class RunCodeInput(BaseModel):
    code: str = Field(description="Code to run: a program or a part of one.")
    language: Literal["python", "bash"] = Field(
        default="python", description="'python' (default) or 'bash'."
    )


class PodflareTool(BaseTool):
    """The tool ``run_code``, with a sandbox of its own, which is made when it is first called.

    :param persistent_sandbox: one sandbox for all calls until ``close``; else one for each call
    :param options: those of ``Sandbox``, ``host`` and ``template`` for example
    """

    name: str = RUN_CODE.name
    description: str = RUN_CODE.description
    args_schema: type[BaseModel] = RunCodeInput
    _sandbox: Lazily = PrivateAttr()
    _persistent: bool = PrivateAttr()

    def __init__(self, *, persistent_sandbox: bool = True, **options: Any) -> None:
        from podflare._sync.sandbox import Sandbox

        own = {key: options.pop(key) for key in list(options) if key in type(self).model_fields}
        super().__init__(**own)
        self._sandbox = Lazily(lambda: Sandbox(**options))
        self._persistent = persistent_sandbox

    def _run(self, code: str, language: str = "python") -> Any:
        arguments = {"code": code, "language": language}
        try:
            return content(toolset_of(self._sandbox.get()).call(RUN_CODE.name, arguments))
        finally:
            if not self._persistent:
                self.close()

    def close(self) -> None:
        """Ends the sandbox; the next call makes a new one."""
        self._sandbox.close()


def podflare_tools(
    sandbox: Sandbox | Toolset | AsyncSandbox | AsyncToolset,
) -> list[BaseTool]:
    """All tools of a sandbox, which the caller closes; those of an asynchronous one are to be
    invoked by ``ainvoke``."""
    from podflare._async.sandbox import AsyncSandbox
    from podflare._async.toolset import AsyncToolset

    if isinstance(sandbox, (AsyncSandbox, AsyncToolset)):
        return _async_tools(async_toolset_of(sandbox))
    return _tools(toolset_of(sandbox))


def _tools(toolset: Toolset) -> list[BaseTool]:
    def tool(name: str, description: str, schema: dict[str, Any]) -> BaseTool:
        def run(**arguments: Any) -> Any:
            return content(toolset.call(name, arguments))

        return StructuredTool(name=name, description=description, args_schema=schema, func=run)

    return [tool(spec.name, spec.description, spec.parameters) for spec in toolset.specs]


def _async_tools(toolset: AsyncToolset) -> list[BaseTool]:
    def tool(name: str, description: str, schema: dict[str, Any]) -> BaseTool:
        async def run(**arguments: Any) -> Any:
            return content(await toolset.call(name, arguments))

        return StructuredTool(name=name, description=description, args_schema=schema, coroutine=run)

    return [tool(spec.name, spec.description, spec.parameters) for spec in toolset.specs]


def content(output: ToolOutput) -> str | list[dict[str, Any]]:
    """Text, or blocks of text and images as messages have them."""
    if not output.images:
        return output.text
    blocks: list[dict[str, Any]] = [{"type": "text", "text": output.text}]
    for image in output.images:
        blocks.append({"type": "image", "base64": base64_of(image.data), "mime_type": image.mime})
    return blocks
