/**
 * A server of the Model Context Protocol of one's own, whose tools are those of one sandbox.
 *
 *     await using sandbox = await Sandbox.create();
 *     const server = podflareMcpServer(sandbox);
 *     await server.connect(new StdioServerTransport());
 */

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  type Tool,
} from "@modelcontextprotocol/sdk/types.js";
import { toBase64 } from "../bytes.js";
import type { ToolOutput, ToolSpec } from "../tools.js";
import { argumentsOf, type Target, toolsetOf } from "./calls.js";

const VERSION = "0.1.0";

/** A server with the tools of a sandbox, which the caller closes, for any transport. */
export function podflareMcpServer(target: Target, name = "podflare"): Server {
  const toolset = toolsetOf(target);
  const tools = toolset.specs.map(toolOf);
  const server = new Server({ name, version: VERSION }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) =>
    resultOf(await toolset.call(params.name, argumentsOf(params.arguments), { signal })),
  );
  return server;
}

function toolOf({ name, description, parameters }: ToolSpec): Tool {
  const { type, properties, required } = parameters;
  return {
    name,
    description,
    inputSchema: { type, properties: { ...properties }, required: [...required] },
    annotations: { readOnlyHint: name === "read_file" },
  };
}

function resultOf({ text, data, images, isError }: ToolOutput): CallToolResult {
  const pictures = images.map(
    (one) => ({ type: "image", data: toBase64(one.data), mimeType: one.mime }) as const,
  );
  return {
    content: [{ type: "text", text }, ...pictures],
    structuredContent: { ...data },
    isError,
  };
}
