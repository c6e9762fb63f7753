/**
 * A model's endpoint whose answers are scripted, in the protocols of three providers. The script is a
 * list of turns: calls of tools, or a last word. What the agent sends is kept to be looked at.
 */

import { createServer, type IncomingMessage, type Server } from "node:http";

/** The model asks for a tool, or says its last word. */
export type Turn = { readonly name: string; readonly arguments: object } | string;
// biome-ignore lint/suspicious/noExplicitAny: what agents send, to be looked at
export type Sent = any;

export class Provider implements AsyncDisposable {
  /** Bodies of requests. */
  readonly requests: Sent[] = [];
  /** Requests of other paths. */
  readonly unknown: string[] = [];
  readonly #turns: readonly Turn[];
  readonly #server: Server;

  private constructor(turns: readonly Turn[]) {
    this.#turns = turns;
    this.#server = createServer(async (request, response) => {
      const path = (request.url ?? "").replace(/\?.*/, "");
      const body = await bodyOf(request);
      const answer = this.#answer(path, body);
      if (answer === undefined) {
        this.unknown.push(`${request.method} ${request.url}`);
      }
      response.writeHead(answer === undefined ? 404 : 200, { "Content-Type": "application/json" });
      response.end(JSON.stringify(answer ?? {}));
    });
  }

  static async with(...turns: Turn[]): Promise<Provider> {
    const provider = new Provider(turns);
    await new Promise<void>((resolve) => provider.#server.listen(0, "127.0.0.1", resolve));
    return provider;
  }

  get url(): string {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) {
      throw new Error("not listening");
    }
    return `http://127.0.0.1:${address.port}`;
  }

  get last(): Sent {
    return this.requests.at(-1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(path: string, body: Sent): object | undefined {
    const protocol = PROTOCOLS.find(([end]) => path.endsWith(end))?.[1];
    if (protocol === undefined) {
      return undefined;
    }
    this.requests.push(body);
    const number = this.requests.length - 1;
    return protocol(number, this.#turns[number] ?? "no more turns", body);
  }
}

async function bodyOf(request: IncomingMessage): Promise<Sent> {
  const pieces: Buffer[] = [];
  for await (const piece of request) {
    pieces.push(piece);
  }
  return pieces.length === 0 ? {} : JSON.parse(Buffer.concat(pieces).toString());
}

type Protocol = (number: number, turn: Turn, request: Sent) => object;

const responses: Protocol = (number, turn, request) => {
  const item =
    typeof turn === "string"
      ? {
          type: "message",
          id: `msg_${number}`,
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: turn, annotations: [] }],
        }
      : {
          type: "function_call",
          id: `fc_${number}`,
          call_id: `call_${number}`,
          name: turn.name,
          arguments: JSON.stringify(turn.arguments),
          status: "completed",
        };
  return {
    id: `resp_${number}`,
    object: "response",
    created_at: 1_700_000_000,
    status: "completed",
    model: request.model,
    output: [item],
    parallel_tool_calls: false,
    tool_choice: "auto",
    tools: [],
    usage: {
      input_tokens: 1,
      output_tokens: 1,
      total_tokens: 2,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 0 },
    },
  };
};

const chat: Protocol = (number, turn, request) => {
  const message =
    typeof turn === "string"
      ? { role: "assistant", content: turn }
      : {
          role: "assistant",
          content: null,
          tool_calls: [
            {
              id: `call_${number}`,
              type: "function",
              function: { name: turn.name, arguments: JSON.stringify(turn.arguments) },
            },
          ],
        };
  const reason = typeof turn === "string" ? "stop" : "tool_calls";
  return {
    id: `chatcmpl-${number}`,
    object: "chat.completion",
    created: 1_700_000_000,
    model: request.model,
    choices: [{ index: 0, message, finish_reason: reason }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  };
};

const messages: Protocol = (number, turn, request) => ({
  id: `msg_${number}`,
  type: "message",
  role: "assistant",
  model: request.model,
  content: [
    typeof turn === "string"
      ? { type: "text", text: turn }
      : { type: "tool_use", id: `toolu_${number}`, name: turn.name, input: turn.arguments },
  ],
  stop_reason: typeof turn === "string" ? "end_turn" : "tool_use",
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
});

const generateContent: Protocol = (number, turn) => {
  const part =
    typeof turn === "string"
      ? { text: turn }
      : { functionCall: { id: `call_${number}`, name: turn.name, args: turn.arguments } };
  return {
    candidates: [{ content: { role: "model", parts: [part] }, finishReason: "STOP", index: 0 }],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    modelVersion: "scripted",
  };
};

const PROTOCOLS: readonly (readonly [end: string, protocol: Protocol])[] = [
  ["/v1/responses", responses],
  ["/chat/completions", chat],
  ["/v1/messages", messages],
  [":generateContent", generateContent],
];
