"""An MCP server of one's own, in Python, whose tools are those of one sandbox.

async with AsyncSandbox() as sandbox, stdio_server() as streams:
    server = podflare_mcp_server(sandbox)
    await server.run(*streams, server.create_initialization_options())
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podflare.integrations._calls import async_toolset_of, base64_of
from podflare.tools import ToolOutput, ToolSpec

try:
    from mcp import types
    from mcp.server import Server
except ImportError as missing:
    raise ImportError("install what this needs: pip install 'podflare[mcp]'") from missing

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext

    from podflare._async.sandbox import AsyncSandbox
    from podflare._async.toolset import AsyncToolset

READS = ("read_file",)


def podflare_mcp_server(
    sandbox: AsyncSandbox | AsyncToolset, name: str = "podflare"
) -> Server[Any]:
    """A server with the tools of a sandbox, which the caller closes, for any transport."""
    toolset = async_toolset_of(sandbox)
    listed = types.ListToolsResult(tools=[_tool(spec) for spec in toolset.specs])

    async def list_tools(
        context: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return listed

    async def call_tool(
        context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        return _result(await toolset.call(params.name, dict(params.arguments or {})))

    return Server(name, on_list_tools=list_tools, on_call_tool=call_tool)


def _tool(spec: ToolSpec) -> types.Tool:
    return types.Tool(
        name=spec.name,
        description=spec.description,
        input_schema=spec.parameters,
        annotations=types.ToolAnnotations(read_only_hint=spec.name in READS),
    )


def _result(output: ToolOutput) -> types.CallToolResult:
    content: list[types.ContentBlock] = [types.TextContent(type="text", text=output.text)]
    content += [
        types.ImageContent(type="image", data=base64_of(image.data), mime_type=image.mime)
        for image in output.images
    ]
    return types.CallToolResult(
        content=content, structured_content=output.data, is_error=output.is_error
    )
