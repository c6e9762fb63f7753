"""The client's adapters for agent frameworks, without any model or account behind them."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest
from agents.tool_context import ToolContext
from podflare import Sandbox
from podflare.gemini import podflare_function_declaration, run_function_call
from podflare.integrations.anthropic import handle_code_execution_tool_use
from podflare.integrations.openai_agents import podflare_code_interpreter
from podflare.langchain import PodflareTool

BOTH = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"


def test_anthropic(sandbox: Sandbox) -> None:
    block = {"id": "toolu_1", "input": {"code": "print('out\\nput')"}}
    assert handle_code_execution_tool_use(block, sandbox) == {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": [{"type": "text", "text": "stdout:\nout\nput\nstderr:\n\nexit_code: 0"}],
        "is_error": False,
    }
    failed = handle_code_execution_tool_use(
        SimpleNamespace(id="toolu_2", input={"code": BOTH}), sandbox
    )
    assert failed["is_error"] is True
    assert failed["content"][0]["text"] == "stdout:\nout\nstderr:\nerr\nexit_code: 3"


def test_gemini(sandbox: Sandbox) -> None:
    name = podflare_function_declaration()["name"]
    as_dict = {"name": name, "args": {"code": BOTH}}
    assert run_function_call(as_dict, sandbox) == {"stdout": "out", "stderr": "err", "exit_code": 3}
    as_object = SimpleNamespace(name=name, args={"code": "echo $((6 * 7))", "language": "bash"})
    assert run_function_call(as_object, sandbox) == {"stdout": "42", "stderr": "", "exit_code": 0}


@pytest.mark.parametrize("persistent", [True, False])
def test_langchain(host: str, persistent: bool) -> None:
    tool = PodflareTool(host=host, persistent_sandbox=persistent)
    try:
        assert tool.invoke({"code": BOTH}) == "stdout:\nout\nstderr:\nerr\nexit_code: 3"
        tool.invoke({"code": "kept = 1"})
        seen = tool.invoke({"code": "print('kept' in globals())"})
        assert seen == f"stdout:\n{persistent}\nstderr:\n\nexit_code: 0"
        answer = tool.invoke({"code": "echo $0", "language": "bash"})
        assert answer == "stdout:\n/bin/bash\nstderr:\n\nexit_code: 0"
    finally:
        tool.close()


def test_openai_agents(host: str) -> None:
    tool = podflare_code_interpreter(host=host, template="default")

    def invoke(**arguments: str) -> object:
        text = json.dumps(arguments)
        context = ToolContext(
            context=None, tool_name=tool.name, tool_call_id="call_1", tool_arguments=text
        )
        return asyncio.run(tool.on_invoke_tool(context, text))

    try:
        assert tool.name == "run_code"
        expected = {"stdout": "out", "stderr": "err", "exit_code": 3}
        assert invoke(code=BOTH, language="python") == expected
        expected = {"stdout": "42", "stderr": "", "exit_code": 0}
        assert invoke(code="echo 42", language="bash") == expected
    finally:
        tool.close_podflare_sandbox()
