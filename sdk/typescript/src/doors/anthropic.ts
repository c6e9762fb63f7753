/**
 * Anthropic Messages.
 *
 *     const message = await client.messages.create({ …, tools: toolDefinitions() });
 *     for (const block of message.content) {
 *       if (block.type === "tool_use") {
 *         results.push(await handleToolUse(block, toolset));
 *       }
 *     }
 *
 * Nothing of the package `@anthropic-ai/sdk` is needed here.
 */

import { toBase64 } from "../bytes.js";
import { RUN_CODE, type ToolName, type ToolOutput, type ToolSpec, toolSpecs } from "../tools.js";
import { argumentsOf, type Target, toolsetOf } from "./calls.js";

/** What is used of a `tool_use` block. */
export interface ToolUse {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

export interface ToolDefinition {
  name: string;
  description: string;
  input_schema: { type: "object"; properties: Record<string, unknown>; required: string[] };
}

export interface ToolResultBlock {
  type: "tool_result";
  tool_use_id: string;
  content: (
    | { type: "text"; text: string }
    | {
        type: "image";
        source: { type: "base64"; media_type: "image/png" | "image/jpeg"; data: string };
      }
  )[];
  is_error: boolean;
}

/** For `handleCodeExecutionToolUse`. */
export const CODE_EXECUTION_TOOL: ToolDefinition = definition(RUN_CODE, "code_execution");

/** Tools for `messages.create`, for `handleToolUse`. */
export function toolDefinitions(names?: readonly ToolName[]): ToolDefinition[] {
  return toolSpecs(names).map((spec) => definition(spec));
}

/**
 * Runs the code of a `tool_use` block, whatever the tool's name; the `tool_result` block for the next
 * message.
 */
export async function handleCodeExecutionToolUse(
  block: ToolUse,
  target: Target,
): Promise<ToolResultBlock> {
  return await handleToolUse({ ...block, name: RUN_CODE.name }, target);
}

/** Does what a `tool_use` block of `toolDefinitions()` asks; the `tool_result` block. */
export async function handleToolUse(block: ToolUse, target: Target): Promise<ToolResultBlock> {
  return resultOf(block, await toolsetOf(target).call(block.name, argumentsOf(block.input)));
}

function definition(spec: ToolSpec, name: string = spec.name): ToolDefinition {
  const { type, properties, required } = spec.parameters;
  const schema = { type, properties: { ...properties }, required: [...required] };
  return { name, description: spec.description, input_schema: schema };
}

function resultOf(block: ToolUse, output: ToolOutput): ToolResultBlock {
  const images = output.images.map(({ mime, data }) => {
    const source = { type: "base64", media_type: mime, data: toBase64(data) } as const;
    return { type: "image", source } as const;
  });
  return {
    type: "tool_result",
    tool_use_id: block.id,
    content: [{ type: "text", text: output.text }, ...images],
    is_error: output.isError,
  };
}
