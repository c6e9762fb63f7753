/**
 * Each framework's own package in a whole loop: the model asks, the tool runs in a real guest, and the
 * model gets what it gave.
 */

import { createOpenAI } from "@ai-sdk/openai";
import { Anthropic } from "@anthropic-ai/sdk";
import { type Content, GoogleGenAI } from "@google/genai";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { ChatOpenAI } from "@langchain/openai";
import { Client as McpClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Agent, OpenAIProvider, Runner } from "@openai/agents";
import { generateText, stepCountIs } from "ai";
import { podflareRunCode, podflareTools as toolsOfAi } from "podflare/ai-sdk";
import {
  CODE_EXECUTION_TOOL,
  handleCodeExecutionToolUse,
  handleToolUse,
  toolDefinitions,
} from "podflare/anthropic";
import {
  functionResponsePart,
  podflareFunctionDeclarations,
  runFunctionCall,
} from "podflare/gemini";
import { podflareTool, podflareTools as toolsOfLangChain } from "podflare/langchain";
import { podflareCodeInterpreter, podflareTools as toolsOfAgents } from "podflare/openai-agents";
import { type ToolName, Toolset, toolSpecs } from "podflare/tools";
import { expect, test } from "vitest";
import { Provider, type Sent, type Turn } from "./provider.js";
import { create, lines, sharedBox } from "./support.js";

// A picture that programs take for one: 8 x 8 pixels of red.
const RED =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC";
const FIGURE = `
import base64
class Figure:
    def _repr_png_(self): return base64.b64decode('${RED}')
Figure()`;
const BOTH = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)";
const BOTH_TEXT = "stdout:\nout\nstderr:\nerr\nexit_code: 3";
const NAMES: string[] = toolSpecs().map((spec) => spec.name);
const STEPS: Turn[] = [
  called("run_code", { code: "x = 40" }),
  called("run_code", { code: "print(x + 2)" }),
  called("run_code", { code: FIGURE }),
  called("run_bash", { command: "seq 1 20000" }),
  called("write_file", { path: "/root/note", content: "hello" }),
  called("read_file", { path: "/root/note" }),
  called("fork_and_try", { attempts: ["y = x * 2; print(y)", "1 / 0"] }),
  called("keep_attempt", { attempt: 1 }),
  called("run_code", { code: "print(y)" }),
  "all done",
];

const shared = sharedBox();

function called(name: ToolName | "code_execution", given: object): Turn {
  return { name, arguments: given };
}

/** What the model was given, whatever the form. */
function check(outputs: unknown[], images: string[]): void {
  const texts = outputs.map((output) =>
    typeof output === "string" ? output : JSON.stringify(output),
  );
  expect(texts.length).toBe(STEPS.length - 1);
  expect(texts[1]).toContain("42");
  expect(images).toEqual([RED]);
  expect(texts[3]).toContain("left out here");
  expect(texts[3]).toContain("/tmp/outputs/exe_");
  expect(texts[3]).toContain("20000");
  expect(texts[5]).toContain("hello");
  expect(texts[6]).toContain("80");
  expect(texts[6]).toContain("ZeroDivisionError");
  expect(texts[8]).toContain("80");
}

function ofDataUrl(url: string): string {
  expect(url).toMatch(/^data:image\/png;base64,/);
  return url.slice(url.indexOf(",") + 1);
}

test("a toolset by itself", async () => {
  const sandbox = await create();
  const toolset = new Toolset(sandbox, { limit: 1000 });
  expect(toolset.specs.map((spec) => spec.name)).toEqual(NAMES);
  const both = await toolset.call("run_code", { code: BOTH });
  expect([both.text, both.isError]).toEqual([BOTH_TEXT, true]);
  expect((await toolset.call("run_code", { code: "6 * 7" })).data.result).toBe("42");
  const long = await toolset.call("run_code", { code: "for i in range(9999): print(i)" });
  expect(long.text.length).toBeLessThan(1300);
  const path = /all of it is in (\S+)/.exec(long.text)?.[1] ?? "";
  expect(`${await sandbox.files.readText(path)}\n`).toBe(lines(0, 9998));
  await sandbox.files.write("/root/long", "a".repeat(3000) + "z".repeat(3000));
  const { text } = await toolset.call("read_file", { path: "/root/long" });
  expect([text[0], text.at(-1), text.includes("left out")]).toEqual(["a", "z", true]);
  const part = await toolset.call("read_file", { path: "/root/long", offset: 2999, length: 2 });
  expect(part.text).toBe("az");
  const wrongs: [string, Record<string, unknown>][] = [
    ["run_code", {}],
    ["run_code", { code: 7 }],
    ["run_code", { code: "1", language: "cobol" }],
    ["read_file", { path: "/no/such" }],
    ["read_file", { path: "/root/long", offset: -1 }],
    ["fork_and_try", { attempts: [] }],
    ["keep_attempt", { attempt: 5 }],
    ["no_such_tool", {}],
  ];
  for (const [name, given] of wrongs) {
    const wrong = await toolset.call(name, given);
    expect([wrong.isError, wrong.text.startsWith("error: ")], name).toEqual([true, true]);
  }
  const quick = new Toolset(sandbox, { names: ["run_bash"], timeoutSeconds: 1 });
  expect((await quick.call("run_bash", { command: "sleep 9" })).data.exit_code).toBe(124);
  expect((await quick.call("run_code", { code: "1" })).text).toContain("there is no tool");
  await toolset.call("fork_and_try", { attempts: ["1"] });
  await toolset.dropAttempts();
  expect((await sandbox.tree()).map((one) => one.state)).toEqual(["ready", "closed"]);
});

test("OpenAI Agents", async () => {
  await using provider = await Provider.with(...STEPS);
  const modelProvider = new OpenAIProvider({
    apiKey: "k",
    baseURL: `${provider.url}/v1`,
    useResponses: true,
  });
  const runner = new Runner({ modelProvider, tracingDisabled: true });
  const tools = toolsOfAgents(await create());
  const agent = new Agent({ name: "analyst", model: "scripted", tools });
  const result = await runner.run(agent, "go", { maxTurns: 20 });
  expect(result.finalOutput).toBe("all done");
  expect(provider.requests[0].tools.map((tool: Sent) => tool.name)).toEqual(NAMES);
  const outputs: Sent[] = provider.last.input
    .filter((item: Sent) => item.type === "function_call_output")
    .map((item: Sent) => item.output);
  const images = outputs
    .filter(Array.isArray)
    .flat()
    .filter((part) => part.type === "input_image")
    .map((part) => ofDataUrl(part.image_url));
  check(outputs, images);
});

test("the code interpreter of OpenAI Agents", async () => {
  await using provider = await Provider.with(called("run_code", { code: BOTH }), "done");
  await using tool = podflareCodeInterpreter({ template: "minimal" });
  const modelProvider = new OpenAIProvider({ apiKey: "k", baseURL: `${provider.url}/v1` });
  const runner = new Runner({ modelProvider, tracingDisabled: true });
  const agent = new Agent({ name: "a", model: "scripted", tools: [tool] });
  expect((await runner.run(agent, "go")).finalOutput).toBe("done");
  const output = JSON.parse(provider.last.input.at(-1).output);
  expect(output).toEqual({ stdout: "out", stderr: "err", exit_code: 3 });
});

test("the AI SDK", async () => {
  await using provider = await Provider.with(...STEPS);
  const openai = createOpenAI({ apiKey: "k", baseURL: `${provider.url}/v1` });
  const { text, steps } = await generateText({
    model: openai.responses("scripted"),
    tools: toolsOfAi(await create()),
    stopWhen: stepCountIs(20),
    prompt: "go",
  });
  expect(text).toBe("all done");
  expect(steps.length).toBe(STEPS.length);
  expect(provider.requests[0].tools.map((tool: Sent) => tool.name)).toEqual(NAMES);
  const outputs: Sent[] = provider.last.input
    .filter((item: Sent) => item.type === "function_call_output")
    .map((item: Sent) => item.output);
  const images = outputs
    .filter(Array.isArray)
    .flat()
    .filter((part) => part.type === "input_image")
    .map((part) => ofDataUrl(part.image_url));
  check(outputs, images);
});

test("run_code of the AI SDK, with a sandbox of its own", async () => {
  await using provider = await Provider.with(called("run_code", { code: BOTH }), "done");
  const openai = createOpenAI({ apiKey: "k", baseURL: `${provider.url}/v1` });
  await using runCode = podflareRunCode();
  const { text } = await generateText({
    model: openai.chat("scripted"),
    tools: { run_code: runCode },
    stopWhen: stepCountIs(5),
    prompt: "go",
  });
  expect(text).toBe("done");
  expect(provider.last.messages.at(-1)).toMatchObject({ role: "tool", content: BOTH_TEXT });
});

test("Anthropic", async () => {
  await using provider = await Provider.with(...STEPS);
  const api = new Anthropic({ apiKey: "k", baseURL: provider.url });
  const toolset = new Toolset(await create());
  const messages: Anthropic.MessageParam[] = [{ role: "user", content: "go" }];
  while (true) {
    const tools = toolDefinitions();
    const answer = await api.messages.create({
      model: "scripted",
      max_tokens: 100,
      messages,
      tools,
    });
    messages.push({ role: "assistant", content: answer.content });
    const results: Anthropic.ToolResultBlockParam[] = [];
    for (const block of answer.content) {
      if (block.type === "tool_use") {
        results.push(await handleToolUse(block, toolset));
      }
    }
    if (results.length === 0) {
      expect(answer.content).toMatchObject([{ type: "text", text: "all done" }]);
      break;
    }
    messages.push({ role: "user", content: results });
  }
  const results: Sent[] = provider.last.messages
    .flatMap((message: Sent) => message.content)
    .filter((block: Sent) => block.type === "tool_result");
  const images = results
    .flatMap((result) => result.content)
    .filter((part) => part.type === "image")
    .map((part) => part.source.data);
  check(
    results.map((result) => result.content),
    images,
  );
});

test("code execution of Anthropic", async () => {
  const code = "print('out\\nput')";
  const block = { id: "toolu_1", name: "code_execution", input: { code } };
  expect(await handleCodeExecutionToolUse(block, shared.box)).toEqual({
    type: "tool_result",
    tool_use_id: "toolu_1",
    content: [{ type: "text", text: "stdout:\nout\nput\nstderr:\n\nexit_code: 0" }],
    is_error: false,
  });
  await using provider = await Provider.with(called("code_execution", { code: BOTH }));
  const api = new Anthropic({ apiKey: "k", baseURL: provider.url });
  const answer = await api.messages.create({
    model: "scripted",
    max_tokens: 100,
    tools: [CODE_EXECUTION_TOOL],
    messages: [{ role: "user", content: "go" }],
  });
  const [asked] = answer.content;
  if (asked?.type !== "tool_use") {
    throw new Error("no tool_use");
  }
  const failed = await handleCodeExecutionToolUse(asked, shared.box);
  expect(failed).toMatchObject({ is_error: true, content: [{ text: BOTH_TEXT }] });
});

test("LangChain and LangGraph", async () => {
  await using provider = await Provider.with(...STEPS);
  const llm = new ChatOpenAI({
    model: "scripted",
    apiKey: "k",
    configuration: { baseURL: `${provider.url}/v1` },
  });
  const agent = createReactAgent({ llm, tools: toolsOfLangChain(await create()) });
  const state = await agent.invoke(
    { messages: [{ role: "user", content: "go" }] },
    { recursionLimit: 50 },
  );
  expect(state.messages.at(-1)?.content).toBe("all done");
  const { tools } = provider.requests[0];
  expect(tools.map((tool: Sent) => tool.function.name)).toEqual(NAMES);
  const outputs: Sent[] = provider.last.messages
    .filter((message: Sent) => message.role === "tool")
    .map((message: Sent) => message.content);
  const images = outputs
    .filter(Array.isArray)
    .flat()
    .filter((part) => part.type === "image_url")
    .map((part) => ofDataUrl(part.image_url.url));
  check(outputs, images);
});

test("a tool of LangChain with a sandbox of its own", async () => {
  await using tool = podflareTool();
  expect(await tool.invoke({ code: BOTH })).toBe(BOTH_TEXT);
  await tool.invoke({ code: "kept = 1" });
  const seen = () => tool.invoke({ code: "print('kept' in globals())" });
  expect(await seen()).toBe("stdout:\nTrue\nstderr:\n\nexit_code: 0");
  await tool.closePodflareSandbox();
  expect(await seen()).toBe("stdout:\nFalse\nstderr:\n\nexit_code: 0");
});

test("Gemini", async () => {
  await using provider = await Provider.with(...STEPS);
  const ai = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: provider.url } });
  const toolset = new Toolset(await create());
  const config = { tools: [{ functionDeclarations: podflareFunctionDeclarations() }] };
  const contents: Content[] = [{ role: "user", parts: [{ text: "go" }] }];
  while (true) {
    const answer = await ai.models.generateContent({ model: "scripted", contents, config });
    const content = answer.candidates?.[0]?.content;
    contents.push(content ?? {});
    if (answer.functionCalls === undefined) {
      expect(answer.text).toBe("all done");
      break;
    }
    const parts = [];
    for (const call of answer.functionCalls) {
      parts.push(await functionResponsePart(call, toolset));
    }
    contents.push({ role: "user", parts });
  }
  const [{ functionDeclarations }] = provider.requests[0].tools;
  expect(functionDeclarations.map((one: Sent) => one.name)).toEqual(NAMES);
  const answers: Sent[] = provider.last.contents
    .flatMap((content: Sent) => content.parts)
    .filter((part: Sent) => part.functionResponse !== undefined)
    .map((part: Sent) => part.functionResponse);
  expect(answers.map((one) => one.id)).toEqual(STEPS.slice(0, -1).map((_, at) => `call_${at}`));
  const images = answers.flatMap((one) => one.parts ?? []).map((part) => part.inlineData.data);
  check(
    answers.map((one) => one.response),
    images,
  );
});

test("function calls of Gemini", async () => {
  const [declaration] = podflareFunctionDeclarations(["run_code"]);
  const call = { name: declaration?.name, args: { code: BOTH } };
  expect(await runFunctionCall(call, shared.box)).toEqual({
    stdout: "out",
    stderr: "err",
    exit_code: 3,
  });
});

test("an MCP server of one's own, as a process that a client starts", async () => {
  const program = `
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { Sandbox } from "podflare";
import { podflareMcpServer } from "podflare/mcp";
const sandbox = await Sandbox.create();
const server = podflareMcpServer(sandbox);
server.onclose = () => sandbox.close();
await server.connect(new StdioServerTransport());
process.stdin.on("end", () => server.close());`;
  const client = new McpClient({ name: "test", version: "1" });
  const args = ["--input-type=module", "-e", program];
  const env = process.env as Record<string, string>;
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env }));
  try {
    expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(NAMES);
    const results: Sent[] = [];
    for (const step of STEPS) {
      if (typeof step !== "string") {
        results.push(await client.callTool({ name: step.name, arguments: { ...step.arguments } }));
      }
    }
    const images = results
      .flatMap((result) => result.content)
      .filter((part) => part.type === "image")
      .map((part) => part.data);
    check(
      results.map((result) => result.content),
      images,
    );
    expect(results[1].structuredContent.stdout).toBe("42");
  } finally {
    await client.close();
  }
});
