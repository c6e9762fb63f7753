/** The interpreter of the conformance scripts, see sdk/conformance/README.md. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect, isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { ROOT } from "./support.js";

const SCRIPTS = join(ROOT, "sdk", "conformance", "scripts");
const MILLIS = 120_000;
const KEYS = new Set(["call", "of", "with", "as", "expect", "error", "until"]);

/** A sandbox, as an SDK has it. */
export interface Handle {
  readonly id: string;
}

/** An error of the API, as runners tell it. */
export class Refused extends Error {
  constructor(readonly told: Record<string, unknown>) {
    super(JSON.stringify(told));
  }
}

/** What does not match. */
export class Mismatch extends Error {}

/** What an SDK brings along. */
export interface Runner {
  /** Does a call; throws `Refused`. */
  call(name: string, on: Handle | undefined, given: Record<string, unknown>): Promise<unknown>;
  isHandle(value: unknown): value is Handle;
  /** Ends a sandbox, whatever state it is in. */
  close(handle: Handle): Promise<void>;
}

interface Step {
  readonly call: string;
  readonly of?: string;
  readonly with?: unknown;
  readonly as?: string;
  readonly expect?: unknown;
  readonly error?: unknown;
  readonly until?: boolean;
}

type Kept = Map<string, unknown>;

export function scripts(): string[] {
  return readdirSync(SCRIPTS)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => name.slice(0, -".yaml".length))
    .sort();
}

/** Runs a script; a step that fails is a `Mismatch` that names it. */
export async function run(name: string, runner: Runner): Promise<void> {
  const script = parse(readFileSync(join(SCRIPTS, `${name}.yaml`), "utf8"));
  const kept: Kept = new Map();
  const made: Handle[] = [];
  try {
    for (const [index, step] of (script.steps as Step[]).entries()) {
      try {
        await perform(step, runner, kept, made);
      } catch (failure) {
        const place = `${name}, step ${index + 1} ${JSON.stringify(step)}`;
        throw new Mismatch(`${place}: ${failure}`, { cause: failure });
      }
    }
  } finally {
    for (const handle of made.reverse()) {
      await runner.close(handle);
    }
  }
}

async function perform(step: Step, runner: Runner, kept: Kept, made: Handle[]): Promise<void> {
  const unknown = Object.keys(step).filter((key) => !KEYS.has(key));
  check(unknown.length === 0, `unknown keys ${unknown}`);
  check(!("expect" in step && "error" in step), "both expect and error");
  const on = step.of === undefined ? undefined : (refer(`$${step.of}`, kept) as Handle);
  const given = resolve(step.with ?? {}, kept) as Record<string, unknown>;
  const end = Date.now() + MILLIS;
  while (true) {
    try {
      const result = await called(step, runner, on, given);
      made.push(...handles(result, runner));
      const wanted = step.error ?? step.expect;
      if ("expect" in step || "error" in step) {
        match(result, resolve(wanted, kept));
      }
      if (step.as !== undefined) {
        kept.set(step.as, result);
      }
      return;
    } catch (failure) {
      if (!step.until || !(failure instanceof Mismatch) || Date.now() > end) {
        throw failure;
      }
      await sleep(100);
    }
  }
}

async function called(
  step: Step,
  runner: Runner,
  on: Handle | undefined,
  given: Record<string, unknown>,
): Promise<unknown> {
  let result: unknown;
  try {
    result = await runner.call(step.call, on, { ...given });
  } catch (refused) {
    if (!(refused instanceof Refused)) {
      throw refused;
    }
    check("error" in step, `refused: ${refused.message}`);
    return refused.told;
  }
  check(!("error" in step), `no error, but ${inspect(result)}`);
  return result;
}

function handles(result: unknown, runner: Runner): Handle[] {
  if (runner.isHandle(result)) {
    return [result];
  }
  if (Array.isArray(result)) {
    return result.flatMap((one) => handles(one, runner));
  }
  return isMapping(result) ? handles(result.children, runner) : [];
}

/** A value with what it refers to in place. */
function resolve(value: unknown, kept: Kept): unknown {
  if (typeof value === "string") {
    return value.startsWith("$$")
      ? value.slice(1)
      : value.startsWith("$")
        ? refer(value, kept)
        : value;
  }
  if (Array.isArray(value)) {
    return value.map((one) => resolve(one, kept));
  }
  if (!isMapping(value)) {
    return value;
  }
  const [key, ...more] = Object.keys(value);
  if (more.length === 0 && (key === "bytes" || key === "base64")) {
    return new Uint8Array(Buffer.from(String(value[key]), key === "bytes" ? "utf8" : "base64"));
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolve(one, kept)]));
}

function refer(text: string, kept: Kept): unknown {
  const [first = "", ...parts] = text.slice(1).split(".");
  check(kept.has(first), `nothing was kept as ${first}`);
  let value = kept.get(first);
  for (const part of parts) {
    if (Array.isArray(value)) {
      value = value[Number(part)];
    } else {
      const own = value as Record<string, unknown>;
      check(part in own, `no ${part} in ${inspect(value)}`);
      value = own[part];
    }
  }
  return value;
}

/** Throws a `Mismatch` if a value is not what is expected. */
export function match(value: unknown, wanted: unknown, where = ""): void {
  const at = where || "the result";
  const below = (part: string | number) => (where ? `${where}.${part}` : String(part));
  if (wanted instanceof Uint8Array) {
    const same = value instanceof Uint8Array && Buffer.from(value).equals(wanted);
    check(same, `${at} is ${inspect(value)}, not ${inspect(wanted)}`);
  } else if (isMapping(wanted)) {
    const [key = "", ...more] = Object.keys(wanted);
    const matcher = more.length === 0 ? MATCHERS[key] : undefined;
    if (matcher !== undefined) {
      matcher(value, wanted[key], at);
      return;
    }
    check(isMapping(value), `${at} is ${inspect(value)}, no mapping`);
    for (const [name, part] of Object.entries(wanted)) {
      check(name in (value as object), `${at} has no ${name}: ${inspect(value)}`);
      match((value as Record<string, unknown>)[name], part, below(name));
    }
  } else if (Array.isArray(wanted)) {
    check(Array.isArray(value), `${at} is ${inspect(value)}, no list`);
    const rows = value as unknown[];
    check(rows.length === wanted.length, `${at} has ${rows.length} entries: ${inspect(rows)}`);
    for (const [index, part] of wanted.entries()) {
      match(rows[index], part, below(index));
    }
  } else {
    check(isDeepStrictEqual(value, wanted), `${at} is ${inspect(value)}, not ${inspect(wanted)}`);
  }
}

const MATCHERS: Record<string, (value: unknown, wanted: unknown, at: string) => void> = {
  matches(value, wanted, at) {
    const found = typeof value === "string" && new RegExp(String(wanted)).test(value);
    check(found, `${at} is ${inspect(value)}, not ${wanted}`);
  },
  contains(value, wanted, at) {
    const found =
      typeof value === "string"
        ? value.includes(String(wanted))
        : Array.isArray(value) && value.some((one) => fits(one, wanted));
    check(found, `${at} has no ${inspect(wanted)}: ${inspect(value)}`);
  },
  size(value, wanted, at) {
    const size =
      typeof value === "string" ? [...value].length : Object.keys(value as object).length;
    check(size === wanted, `${at} has the length ${size}, not ${wanted}: ${inspect(value)}`);
  },
  at_least(value, wanted, at) {
    check(Number(value) >= Number(wanted), `${at} is ${value}, less than ${wanted}`);
  },
  at_most(value, wanted, at) {
    check(Number(value) <= Number(wanted), `${at} is ${value}, more than ${wanted}`);
  },
  any(value, _wanted, at) {
    check(value !== null && value !== undefined, `${at} is null`);
  },
  not(value, wanted, at) {
    check(!fits(value, wanted), `${at} is ${inspect(value)}`);
  },
};

function fits(value: unknown, wanted: unknown): boolean {
  try {
    match(value, wanted);
    return true;
  } catch {
    return false;
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  );
}

function check(holds: boolean, message: string): asserts holds {
  if (!holds) {
    throw new Mismatch(message);
  }
}
