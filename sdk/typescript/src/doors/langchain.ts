/**
 * LangChain and LangGraph.
 *
 *     const agent = createReactAgent({ llm, tools: [podflareTool()] });
 *
 * or, with all tools and a sandbox of your own:
 *
 *     await using sandbox = await Sandbox.create();
 *     const agent = createReactAgent({ llm, tools: podflareTools(sandbox) });
 */

import { type DynamicStructuredTool, tool } from "@langchain/core/tools";
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

/**
 * The tool `run_code`, with a sandbox of its own, which is made when it is first called; the options
 * are those of `Sandbox.create`. Close it by `closePodflareSandbox` or `await using`.
 */
export function podflareTool(options: OwnOptions = {}): DynamicStructuredTool & OwnsSandbox {
  const own = new OwnSandbox(options);
  return owning(
    toolOf(RUN_CODE, () => own.toolset()),
    own,
  );
}

/** All tools of a sandbox, which the caller closes. */
export function podflareTools(target: Target): DynamicStructuredTool[] {
  const toolset = toolsetOf(target);
  return toolset.specs.map((spec) => toolOf(spec, async () => toolset));
}

function toolOf(spec: ToolSpec, toolset: () => Promise<Toolset>): DynamicStructuredTool {
  const { type, properties, required } = spec.parameters;
  const made = tool(
    async (input: unknown, { signal }: { signal?: AbortSignal }) =>
      contentOf(await (await toolset()).call(spec.name, argumentsOf(input), { signal })),
    {
      name: spec.name,
      description: spec.description,
      schema: { type, properties: { ...properties }, required: [...required] },
    },
  );
  return made as unknown as DynamicStructuredTool;
}

/** Text, or blocks of text and images in the form that all chat models of LangChain take. */
function contentOf({ text, images }: ToolOutput) {
  if (images.length === 0) {
    return text;
  }
  const pictures = images.map(({ mime, data }) => {
    return { type: "image_url", image_url: { url: `data:${mime};base64,${toBase64(data)}` } };
  });
  return [{ type: "text", text }, ...pictures];
}
