/**
 * OpenAI Agents SDK.
 *
 *     const agent = new Agent({ name: "analyst", tools: [podflareCodeInterpreter()] });
 *
 * or, with all tools and a sandbox of your own:
 *
 *     await using sandbox = await Sandbox.create();
 *     const agent = new Agent({ name: "analyst", tools: podflareTools(sandbox) });
 */

import { type FunctionTool, tool } from "@openai/agents";
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

// biome-ignore lint/suspicious/noExplicitAny: of any agent, whatever its context is
type AnyTool = FunctionTool<any, any, unknown>;

/**
 * The tool `run_code`, with a sandbox of its own, which is made when it is first called; the options
 * are those of `Sandbox.create`. Close it by `closePodflareSandbox` or `await using`.
 */
export function podflareCodeInterpreter(options: OwnOptions = {}): AnyTool & OwnsSandbox {
  const own = new OwnSandbox(options);
  return owning(
    toolOf(RUN_CODE, () => own.toolset()),
    own,
  );
}

/** All tools of a sandbox, which the caller closes. */
export function podflareTools(target: Target): AnyTool[] {
  const toolset = toolsetOf(target);
  return toolset.specs.map((spec) => toolOf(spec, async () => toolset));
}

function toolOf(spec: ToolSpec, toolset: () => Promise<Toolset>): AnyTool {
  const { type, properties, required } = spec.parameters;
  return tool({
    name: spec.name,
    description: spec.description,
    // biome-ignore lint/suspicious/noExplicitAny: the framework's type of a schema knows a part of them
    parameters: { type, properties, required: [...required], additionalProperties: true } as any,
    strict: false,
    execute: async (input: unknown, _context, details) => {
      const { signal } = details ?? {};
      return answer(await (await toolset()).call(spec.name, argumentsOf(input), { signal }));
    },
  });
}

function answer(output: ToolOutput): unknown {
  if (output.images.length === 0) {
    return output.data;
  }
  const images = output.images.map(({ mime, data }) => ({
    type: "image",
    image: { data: toBase64(data), mediaType: mime },
  }));
  return [{ type: "text", text: output.text }, ...images];
}
