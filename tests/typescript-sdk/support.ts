/** Words that several tests use. */

import { setTimeout as sleep } from "node:timers/promises";
import { Client, type CreateOptions, type Sandbox } from "podflare";
import { afterAll, afterEach, beforeAll } from "vitest";

export const MILLIS = 120_000;
export const ROOT = variable("SDK_TEST_ROOT");
export const HOST = variable("PODFLARE_API_URL");
export const KEY = variable("PODFLARE_API_KEY");

export function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set: start these tests with ./run`);
  }
  return value;
}

export const client = new Client();
const made: Sandbox[] = [];

/** Makes a sandbox that is closed after the test. */
export async function create(options: CreateOptions = {}): Promise<Sandbox> {
  const sandbox = await client.create(options);
  made.push(sandbox);
  return sandbox;
}

afterEach(async () => {
  for (const sandbox of made.splice(0)) {
    await sandbox.close();
  }
});

/** One for all tests of a file that leave it usable. */
export function sharedBox(): { readonly box: Sandbox } {
  let box: Sandbox | undefined;
  beforeAll(async () => {
    box = await client.create({ timeoutSeconds: 7200, idleTimeoutSeconds: 7200 });
  });
  afterAll(async () => {
    await box?.close();
  });
  return {
    get box() {
      if (box === undefined) {
        throw new Error("only in a test");
      }
      return box;
    },
  };
}

/** Asks until there is an answer. */
export async function eventually<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + MILLIS;
  while (true) {
    const found = await look();
    if (found) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error("it did not come about");
    }
    await sleep(50);
  }
}

export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) {
    found.push(value);
  }
  return found;
}

export function lines(...numbers: readonly [from: number, to: number]): string {
  const [from, to] = numbers;
  return Array.from({ length: to - from + 1 }, (_, at) => `${from + at}\n`).join("");
}
