/**
 * Vercel AI SDK.
 *
 *     await using runCode = podflareRunCode();
 *     await generateText({ model, tools: { run_code: runCode }, stopWhen: stepCountIs(20), prompt });
 *
 * or, with all tools and a sandbox of your own:
 *
 *     await using sandbox = await Sandbox.create();
 *     await generateText({ model, tools: podflareTools(sandbox), stopWhen: stepCountIs(20), prompt });
 */

import { jsonSchema, type Tool, tool } from "ai";
import { toBase64 } from "../bytes.js";
import { RUN_CODE, type ToolOutput, type ToolSpec } from "../tools.js";
import type { Toolset } from "../toolset.js";
import {
  argumentsOf,
  type OwnOptions,
  OwnSandbox,
  type OwnsSandbox,
  owning,
  type Target,
  toolsetOf,
} from "./calls.js";

type Input = Record<string, unknown>;
type ModelOutput = Awaited<ReturnType<NonNullable<Tool<Input, ToolOutput>["toModelOutput"]>>>;

/**
 * The tool `run_code`, with a sandbox of its own, which is made when it is first called; the options
 * are those of `Sandbox.create`. Close it by `closePodflareSandbox` or `await using`.
 */
export function podflareRunCode(options: OwnOptions = {}): Tool<Input, ToolOutput> & OwnsSandbox {
  const own = new OwnSandbox(options);
  return owning(
    toolOf(RUN_CODE, () => own.toolset()),
    own,
  );
}

/** All tools of a sandbox, which the caller closes. */
export function podflareTools(target: Target): Record<string, Tool<Input, ToolOutput>> {
  const toolset = toolsetOf(target);
  const tools = toolset.specs.map((spec) => [spec.name, toolOf(spec, async () => toolset)]);
  return Object.fromEntries(tools);
}

function toolOf(spec: ToolSpec, toolset: () => Promise<Toolset>): Tool<Input, ToolOutput> {
  const { type, properties, required } = spec.parameters;
  const schema = { type, properties: { ...properties }, required: [...required] };
  return tool<Input, ToolOutput>({
    description: spec.description,
    inputSchema: jsonSchema<Input>(schema as Parameters<typeof jsonSchema>[0]),
    execute: async (input, { abortSignal }) =>
      await (await toolset()).call(spec.name, argumentsOf(input), { signal: abortSignal }),
    toModelOutput: ({ output }) => answer(output),
  });
}

function answer({ text, images, isError }: ToolOutput): ModelOutput {
  if (images.length === 0) {
    return { type: isError ? "error-text" : "text", value: text };
  }
  const pictures = images.map(
    ({ mime, data }) => ({ type: "image-data", data: toBase64(data), mediaType: mime }) as const,
  );
  return { type: "content", value: [{ type: "text", text }, ...pictures] };
}
