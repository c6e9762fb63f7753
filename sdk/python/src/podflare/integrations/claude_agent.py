"""Claude Agent SDK: an agent whose hands are in a sandbox, and not on this machine.

async with AsyncSandbox() as sandbox:
    async for message in query(prompt="…", options=podflare_options(sandbox)):
        print(message)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podflare.integrations._calls import async_toolset_of, base64_of
from podflare.tools import ToolOutput, ToolSpec

try:
    from claude_agent_sdk import ClaudeAgentOptions, SdkMcpTool, create_sdk_mcp_server
except ImportError as missing:
    raise ImportError("install what this needs: pip install 'podflare[claude-agent]'") from missing

if TYPE_CHECKING:
    from claude_agent_sdk import McpSdkServerConfig

    from podflare._async.sandbox import AsyncSandbox
    from podflare._async.toolset import AsyncToolset

SERVER = "podflare"


def podflare_mcp_server(sandbox: AsyncSandbox | AsyncToolset) -> McpSdkServerConfig:
    """The tools of a sandbox, which the caller closes, for ``mcp_servers``."""
    toolset = async_toolset_of(sandbox)
    return create_sdk_mcp_server(SERVER, tools=[_tool(toolset, one) for one in toolset.specs])


def tool_names(sandbox: AsyncSandbox | AsyncToolset) -> list[str]:
    """As ``allowed_tools`` has them."""
    return [f"mcp__{SERVER}__{spec.name}" for spec in async_toolset_of(sandbox).specs]


def podflare_options(sandbox: AsyncSandbox | AsyncToolset, **options: Any) -> ClaudeAgentOptions:
    """Options for an agent that has the tools of the sandbox and none of this machine's; what is
    given besides goes on top."""
    toolset = async_toolset_of(sandbox)
    chosen: dict[str, Any] = {
        "tools": [],
        "allowed_tools": tool_names(toolset),
        "setting_sources": [],
        "strict_mcp_config": True,
        **options,
    }
    servers = {**dict(options.get("mcp_servers", {})), SERVER: podflare_mcp_server(toolset)}
    return ClaudeAgentOptions(**{**chosen, "mcp_servers": servers})


def _tool(toolset: AsyncToolset, spec: ToolSpec) -> SdkMcpTool[Any]:
    async def handle(arguments: dict[str, Any]) -> dict[str, Any]:
        return _result(await toolset.call(spec.name, dict(arguments)))

    return SdkMcpTool(
        name=spec.name,
        description=spec.description,
        input_schema=spec.parameters,
        handler=handle,
    )


def _result(output: ToolOutput) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": output.text}]
    for image in output.images:
        content.append({"type": "image", "data": base64_of(image.data), "mimeType": image.mime})
    return {"content": content, "is_error": output.is_error}
