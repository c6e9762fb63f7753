"""Each framework's own package in a whole loop: the model asks, the tool runs in a real guest, and
the model gets what it gave."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from podflare import AsyncClient, AsyncSandbox, Client, Sandbox
from podflare.tools import SPECS, Toolset
from provider import Call, Provider, Turn

# A picture that programs take for one: 8 x 8 pixels of red.
RED = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu"
    "7N9hAAAAAElFTkSuQmCC"
)
FIGURE = f"""
import base64
class Figure:
    def _repr_png_(self): return base64.b64decode({RED!r})
Figure()"""
BOTH = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
STEPS: list[Turn] = [
    Call("run_code", {"code": "x = 40"}),
    Call("run_code", {"code": "print(x + 2)"}),
    Call("run_code", {"code": FIGURE}),
    Call("run_bash", {"command": "seq 1 20000"}),
    "all done",
]
MORE: list[Turn] = [
    *STEPS[:-1],
    Call("write_file", {"path": "/root/note", "content": "hello"}),
    Call("read_file", {"path": "/root/note"}),
    Call("fork_and_try", {"attempts": ["y = x * 2; print(y)", "1 / 0"]}),
    Call("keep_attempt", {"attempt": 1}),
    Call("run_code", {"code": "print(y)"}),
    "all done",
]


def check(outputs: list[str], images: list[bytes]) -> None:
    """What the model was given, whatever the form."""
    assert "42" in outputs[1]
    assert images == [base64.b64decode(RED)]
    assert "left out here" in outputs[3]
    assert "/tmp/outputs/exe_" in outputs[3]
    assert "20000" in outputs[3]
    assert len(outputs) in (len(STEPS) - 1, len(MORE) - 1)


def check_more(outputs: list[str]) -> None:
    assert "hello" in outputs[5]
    assert "80" in outputs[6]
    assert "ZeroDivisionError" in outputs[6]
    assert "80" in outputs[8]


def test_a_toolset_by_itself(create: Any) -> None:
    sandbox = create()
    toolset = Toolset(sandbox, limit=1000)
    assert [spec.name for spec in toolset.specs] == list(SPECS)
    output = toolset.call("run_code", {"code": BOTH})
    assert output.text == "stdout:\nout\nstderr:\nerr\nexit_code: 3"
    assert output.is_error
    assert toolset.call("run_code", {"code": "6 * 7"}).data["result"] == "42"
    long = toolset.call("run_code", {"code": "for i in range(9999): print(i)"})
    assert len(long.text) < 1300
    path = long.text.partition("all of it is in ")[2].partition(" ")[0]
    assert sandbox.files.read_text(path).split() == [str(i) for i in range(9999)]
    sandbox.files.write("/root/long", "a" * 3000 + "z" * 3000)
    read = toolset.call("read_file", {"path": "/root/long"}).text
    assert (read[0], read[-1], "left out" in read) == ("a", "z", True)
    part = toolset.call("read_file", {"path": "/root/long", "offset": 2999, "length": 2})
    assert part.text == "az"
    wrongs: list[tuple[str, dict[str, Any]]] = [
        ("run_code", {}),
        ("run_code", {"code": 7}),
        ("run_code", {"code": "1", "language": "cobol"}),
        ("read_file", {"path": "/no/such"}),
        ("read_file", {"path": "/root/long", "offset": -1}),
        ("fork_and_try", {"attempts": []}),
        ("keep_attempt", {"attempt": 5}),
        ("no_such_tool", {}),
    ]
    for name, arguments in wrongs:
        wrong = toolset.call(name, arguments)
        assert wrong.is_error, name
        assert wrong.text.startswith("error: "), name
    slow = Toolset(sandbox, ["run_bash"], timeout_seconds=1).call(
        "run_bash", {"command": "sleep 9"}
    )
    assert slow.data["exit_code"] == 124
    toolset.call("fork_and_try", {"attempts": ["1"]})
    (child,) = toolset._attempts
    toolset.drop_attempts()
    assert {one.id: one.state for one in sandbox.tree()}[child.id] == "closed"


def test_openai_agents(client: Client) -> None:
    from agents import Agent, OpenAIResponsesModel, Runner
    from openai import AsyncOpenAI

    from podflare.integrations.openai_agents import podflare_tools

    async def work(provider: Provider) -> str:
        async with AsyncSandbox() as sandbox:
            model = OpenAIResponsesModel(
                "scripted", AsyncOpenAI(api_key="k", base_url=f"{provider.url}/v1")
            )
            agent = Agent(name="analyst", tools=list(podflare_tools(sandbox)), model=model)
            result = await Runner.run(agent, "go", max_turns=20)
            return str(result.final_output)

    with Provider(*STEPS) as provider:
        assert asyncio.run(work(provider)) == "all done"
    assert {tool["name"] for tool in provider.requests[0]["tools"]} == set(SPECS)
    answers = [
        item["output"]
        for item in provider.requests[-1]["input"]
        if item.get("type") == "function_call_output"
    ]
    images = [
        base64.b64decode(part["image_url"].partition(",")[2])
        for answer in answers
        if isinstance(answer, list)
        for part in answer
        if part["type"] == "input_image"
    ]
    check([str(answer) for answer in answers], images)


def test_the_code_interpreter_of_openai_agents(host: str) -> None:
    from agents import Agent, OpenAIResponsesModel, Runner
    from openai import AsyncOpenAI

    from podflare.integrations.openai_agents import podflare_code_interpreter

    tool = podflare_code_interpreter(host=host, template="minimal")

    async def work(provider: Provider) -> str:
        model = OpenAIResponsesModel(
            "scripted", AsyncOpenAI(api_key="k", base_url=f"{provider.url}/v1")
        )
        result = await Runner.run(Agent(name="a", tools=[tool], model=model), "go")
        return str(result.final_output)

    with Provider(Call("run_code", {"code": BOTH}), "done") as provider:
        try:
            assert asyncio.run(work(provider)) == "done"
        finally:
            tool.close_podflare_sandbox()
    output = provider.requests[1]["input"][-1]["output"]
    assert output == str({"stdout": "out", "stderr": "err", "exit_code": 3})


def test_anthropic(client: Client) -> None:
    from anthropic import Anthropic

    from podflare.integrations.anthropic import handle_tool_use, tool_definitions

    with Provider(*MORE) as provider, Sandbox(client=client) as sandbox:
        toolset = Toolset(sandbox)
        api = Anthropic(api_key="k", base_url=provider.url)
        messages: list[Any] = [{"role": "user", "content": "go"}]
        while True:
            answer = api.messages.create(
                model="scripted",
                max_tokens=100,
                messages=messages,
                tools=tool_definitions(),
            )
            messages.append({"role": "assistant", "content": answer.content})
            asked = [block for block in answer.content if block.type == "tool_use"]
            if not asked:
                break
            results = [handle_tool_use(block, toolset) for block in asked]
            messages.append({"role": "user", "content": results})
        assert answer.content[0].text == "all done"
    results = [
        block
        for message in provider.requests[-1]["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]
    images = [
        base64.b64decode(part["source"]["data"])
        for result in results
        for part in result["content"]
        if part["type"] == "image"
    ]
    outputs = [json.dumps(result["content"]) for result in results]
    check(outputs, images)
    check_more(outputs)


def test_code_execution_of_anthropic(box: Sandbox) -> None:
    from anthropic import AsyncAnthropic

    from podflare.integrations.anthropic import (
        CODE_EXECUTION_TOOL,
        ahandle_code_execution_tool_use,
        handle_code_execution_tool_use,
    )

    block = {"id": "toolu_1", "input": {"code": "print('out\\nput')"}}
    assert handle_code_execution_tool_use(block, box) == {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": [{"type": "text", "text": "stdout:\nout\nput\nstderr:\n\nexit_code: 0"}],
        "is_error": False,
    }

    async def work(provider: Provider) -> Any:
        async with AsyncClient() as client:
            api = AsyncAnthropic(api_key="k", base_url=provider.url)
            tools: Any = [CODE_EXECUTION_TOOL]
            answer = await api.messages.create(
                model="scripted",
                max_tokens=100,
                tools=tools,
                messages=[{"role": "user", "content": "go"}],
            )
            await api.close()
            return await ahandle_code_execution_tool_use(answer.content[0], client.sandbox(box.id))

    with Provider(Call("code_execution", {"code": BOTH})) as provider:
        failed = asyncio.run(work(provider))
    assert failed["is_error"] is True
    assert failed["content"][0]["text"] == "stdout:\nout\nstderr:\nerr\nexit_code: 3"


def of_chat(request: dict[str, Any]) -> tuple[list[str], list[bytes]]:
    answers = [one["content"] for one in request["messages"] if one["role"] == "tool"]
    images = [
        base64.b64decode(part["image_url"]["url"].partition(",")[2])
        for answer in answers
        if isinstance(answer, list)
        for part in answer
        if part["type"] == "image_url"
    ]
    return [json.dumps(answer) for answer in answers], images


@pytest.mark.parametrize("blocking", [True, False])
def test_langgraph(client: Client, blocking: bool) -> None:
    from langchain_openai import ChatOpenAI
    from langgraph.prebuilt import create_react_agent

    from podflare.langchain import podflare_tools

    def agent(provider: Provider, sandbox: Sandbox | AsyncSandbox) -> Any:
        model = ChatOpenAI(model="scripted", api_key="k", base_url=f"{provider.url}/v1")
        return create_react_agent(model, podflare_tools(sandbox))

    question: Any = {"messages": [("user", "go")]}
    settings: Any = {"recursion_limit": 50}

    async def work(provider: Provider) -> Any:
        async with AsyncSandbox() as sandbox:
            return await agent(provider, sandbox).ainvoke(question, settings)

    with Provider(*STEPS) as provider:
        if blocking:
            with Sandbox(client=client) as sandbox:
                state = agent(provider, sandbox).invoke(question, settings)
        else:
            state = asyncio.run(work(provider))
    assert state["messages"][-1].content == "all done"
    assert {tool["function"]["name"] for tool in provider.requests[0]["tools"]} == set(SPECS)
    check(*of_chat(provider.requests[-1]))


@pytest.mark.parametrize("persistent", [True, False])
def test_langchain(host: str, persistent: bool) -> None:
    from podflare.langchain import PodflareTool

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


def test_gemini(client: Client) -> None:
    from google import genai
    from google.genai import types

    from podflare.gemini import function_response_part, podflare_function_declarations

    with Provider(*STEPS) as provider, Sandbox(client=client) as sandbox:
        toolset = Toolset(sandbox)
        api = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=provider.url))
        declarations: Any = podflare_function_declarations()
        config = types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=declarations)],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        contents: list[Any] = [types.Content(role="user", parts=[types.Part(text="go")])]
        while True:
            answer = api.models.generate_content(model="scripted", contents=contents, config=config)
            assert answer.candidates is not None
            contents.append(answer.candidates[0].content)
            if not answer.function_calls:
                break
            parts = [function_response_part(call, toolset) for call in answer.function_calls]
            contents.append(types.Content(role="user", parts=parts))
        assert answer.text == "all done"
        api.close()
    responses = [
        part["functionResponse"]
        for content in provider.requests[-1]["contents"]
        for part in content["parts"]
        if "functionResponse" in part
    ]
    images = [
        base64.urlsafe_b64decode((part.get("inlineData") or part["inline_data"])["data"])
        for response in responses
        for part in response.get("parts") or []
    ]
    check([json.dumps(response["response"]) for response in responses], images)


def test_function_calls_of_gemini(box: Sandbox) -> None:
    from types import SimpleNamespace

    from podflare.gemini import (
        arun_function_call,
        podflare_function_declaration,
        run_function_call,
    )

    name = podflare_function_declaration()["name"]
    as_dict = {"name": name, "args": {"code": BOTH}}
    expected = {"stdout": "out", "stderr": "err", "exit_code": 3}
    assert run_function_call(as_dict, box) == expected
    as_object = SimpleNamespace(name=name, args={"code": "echo $((6 * 7))", "language": "bash"})
    assert run_function_call(as_object, box)["stdout"] == "42"

    async def work() -> dict[str, Any]:
        async with AsyncClient() as client:
            return await arun_function_call(as_dict, client.sandbox(box.id))

    assert asyncio.run(work()) == expected


def test_claude_agent(tmp_path: Path) -> None:
    """The real program of the agent, which the package brings along."""
    from claude_agent_sdk import ResultMessage, query

    from podflare.integrations.claude_agent import podflare_options

    steps: list[Turn] = [
        Call(f"mcp__podflare__{step.name}", step.arguments) if isinstance(step, Call) else step
        for step in STEPS
    ]

    async def work(provider: Provider) -> str | None:
        async with AsyncSandbox() as sandbox:
            options = podflare_options(
                sandbox,
                cwd=tmp_path,
                model="claude-sonnet-4-5",
                env={
                    "ANTHROPIC_BASE_URL": provider.url,
                    "ANTHROPIC_API_KEY": "k",
                    "HOME": str(tmp_path),
                    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                    "DISABLE_AUTOUPDATER": "1",
                },
            )
            said = None
            async for message in query(prompt="go", options=options):
                if isinstance(message, ResultMessage):
                    said = message.result
            return said

    with Provider(*steps) as provider:
        assert asyncio.run(work(provider)) == "all done", provider.requests[-1:]
    offered = {tool["name"] for tool in provider.requests[0]["tools"]}
    assert offered == {f"mcp__podflare__{name}" for name in SPECS}
    results = [
        block
        for message in provider.requests[-1]["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]
    images = [
        base64.b64decode(part["source"]["data"])
        for result in results
        if isinstance(result["content"], list)
        for part in result["content"]
        if part["type"] == "image"
    ]
    check([json.dumps(result["content"]) for result in results], images)


def test_mcp() -> None:
    """A server of one's own, as a process that a client of the same package starts."""
    from mcp import Client as McpClient
    from mcp import StdioServerParameters

    program = (
        "import asyncio\n"
        "from mcp.server.stdio import stdio_server\n"
        "from podflare import AsyncSandbox\n"
        "from podflare.integrations.mcp import podflare_mcp_server\n"
        "async def main():\n"
        "    async with AsyncSandbox() as sandbox, stdio_server() as streams:\n"
        "        server = podflare_mcp_server(sandbox)\n"
        "        await server.run(*streams, server.create_initialization_options())\n"
        "asyncio.run(main())\n"
    )

    async def work() -> list[Any]:
        server = StdioServerParameters(
            command=sys.executable, args=["-c", program], env=dict(os.environ)
        )
        async with McpClient(server) as client:
            offered = await client.list_tools()
            assert {tool.name for tool in offered.tools} == set(SPECS)
            return [
                await client.call_tool(step.name, step.arguments)
                for step in STEPS
                if isinstance(step, Call)
            ]

    results = asyncio.run(work())
    images = [
        base64.b64decode(part.data)
        for result in results
        for part in result.content
        if part.type == "image"
    ]
    check([str(result.content) for result in results], images)
    assert results[1].structured_content["stdout"] == "42"
