/**
 * Google GenAI.
 *
 *     const config = { tools: [{ functionDeclarations: podflareFunctionDeclarations() }] };
 *     const answer = await ai.models.generateContent({ model, contents, config });
 *     for (const call of answer.functionCalls ?? []) {
 *       parts.push(await functionResponsePart(call, toolset));
 *     }
 *
 * Nothing of the package `@google/genai` is needed here.
 */

import { toBase64 } from "../bytes.js";
import { type ToolName, type ToolOutput, toolSpecs } from "../tools.js";
import { argumentsOf, type Target, toolsetOf } from "./calls.js";

/** What is used of a function call. */
export interface FunctionCall {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly args?: unknown;
}

export interface FunctionDeclaration {
  name: string;
  description: string;
  parametersJsonSchema: unknown;
}

/** A part for the next content. */
export interface FunctionResponsePart {
  functionResponse: {
    id?: string;
    name: string;
    response: Record<string, unknown>;
    parts?: { inlineData: { mimeType: string; data: string } }[];
  };
}

/** All tools, or those of the names. */
export function podflareFunctionDeclarations(names?: readonly ToolName[]): FunctionDeclaration[] {
  return toolSpecs(names).map(({ name, description, parameters }) => {
    return { name, description, parametersJsonSchema: parameters };
  });
}

/** Does what a function call asks; of code `{ stdout, stderr, exit_code }`. */
export async function runFunctionCall(
  call: FunctionCall,
  target: Target,
): Promise<Readonly<Record<string, unknown>>> {
  return (await done(call, target)).data;
}

/** Does what a function call asks; the part for the next content, with figures as images. */
export async function functionResponsePart(
  call: FunctionCall,
  target: Target,
): Promise<FunctionResponsePart> {
  const { data, images } = await done(call, target);
  const parts = images.map((one) => {
    return { inlineData: { mimeType: one.mime, data: toBase64(one.data) } };
  });
  return {
    functionResponse: {
      ...(call.id === undefined ? {} : { id: call.id }),
      name: call.name ?? "",
      response: { ...data },
      ...(parts.length === 0 ? {} : { parts }),
    },
  };
}

async function done(call: FunctionCall, target: Target): Promise<ToolOutput> {
  return await toolsetOf(target).call(call.name ?? "", argumentsOf(call.args));
}
