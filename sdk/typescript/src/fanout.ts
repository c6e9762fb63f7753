/** Forks a sandbox and runs code in every child. */

import { ConnectionBroken } from "./failures.js";
import { FanOutFold, Objects } from "./folds.js";
import type { FanOutOptions } from "./options.js";
import { wire } from "./records.js";
import { post } from "./requests.js";
import type { ExecResult } from "./results.js";
import type { Sandbox } from "./sandbox.js";
import type { Transport } from "./transport.js";
import type { Winner } from "./types.js";

/** How a fan-out went. */
export interface FanOut {
  /** Those that live on. */
  readonly children: readonly Sandbox[];
  /** Of each child's call, in order; null of a call that was not waited for. */
  readonly results: readonly (ExecResult | null)[];
  readonly winner: Winner | null;
}

export async function fanOut(
  transport: Transport,
  path: string,
  code: string | readonly string[],
  { onEvent, n, ...rest }: FanOutOptions,
  sandboxOf: (id: string) => Sandbox,
): Promise<FanOut> {
  const codes = typeof code === "string" ? { code, n: n ?? 1 } : { codes: code };
  const body = wire({ ...codes, language: "python", ...rest, framing: "chunks" });
  const fold = new FanOutFold(transport.config.maxOutputBytes, onEvent);
  const answer = await transport.open(post(`${path}/fanout`, body));
  const objects = new Objects();
  try {
    for (let data = await answer.chunk(); data !== undefined; data = await answer.chunk()) {
      for (const line of objects.feed(data)) {
        if (fold.take(line)) {
          await answer.drain();
          const children = fold.children.map(sandboxOf);
          return { children, results: fold.results, winner: fold.winner };
        }
      }
    }
  } finally {
    await answer.close();
  }
  throw new ConnectionBroken("the fan-out ended early; its children are closed");
}
