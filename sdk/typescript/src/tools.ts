/**
 * Tools for models, without any framework: names, schemas, and what calls give back.
 *
 *     await using sandbox = await Sandbox.create();
 *     const toolset = new Toolset(sandbox);
 *     const output = await toolset.call("run_code", { code: "print(6 * 7)" });
 *     console.log(output.text, output.images);
 *
 * The other sub-paths have them in the forms of agent frameworks.
 */

import type { Bytes } from "./bytes.js";
import type { ExecResult } from "./results.js";

export { Toolset, type ToolsetOptions } from "./toolset.js";

/** Most characters of one output that a model gets. */
export const DEFAULT_LIMIT = 20_000;
export const MAX_IMAGES = 8;
export const MAX_IMAGE_BYTES = 4 << 20;
export const MAX_ATTEMPTS = 8;

/** A JSON schema of an object. */
export interface ToolParameters {
  readonly type: "object";
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly required: readonly string[];
}

/** What a model is told of a tool. */
export interface ToolSpec {
  readonly name: ToolName;
  readonly description: string;
  readonly parameters: ToolParameters;
}

const CODE = { type: "string", description: "Code to run: a program or a part of one." };
const LANGUAGE = {
  type: "string",
  enum: ["python", "bash"],
  description: "'python' (default) or 'bash'.",
};
const PATH = { type: "string", description: "Absolute, or from /root on." };

function spec<const Name extends string>(
  name: Name,
  description: string,
  required: readonly string[],
  properties: ToolParameters["properties"],
) {
  return { name, description, parameters: { type: "object", properties, required } } as const;
}

export const RUN_CODE = spec(
  "run_code",
  "Run code in an isolated Linux microVM. Python variables, imports and files stay from call to " +
    "call. Returns stdout, stderr, the exit code, the value of a last expression, and figures.",
  ["code"],
  { code: CODE, language: LANGUAGE },
);
export const RUN_BASH = spec(
  "run_bash",
  "Run a bash script in the same machine, in a new process. Files stay, variables do not.",
  ["command"],
  {
    command: { type: "string", description: "The script." },
    timeout_seconds: { type: "integer", minimum: 1, description: "Stops it after so long." },
  },
);
export const READ_FILE = spec(
  "read_file",
  "Read a text file of the machine, or a part of it.",
  ["path"],
  {
    path: PATH,
    offset: { type: "integer", minimum: 0, description: "First byte; default 0." },
    length: { type: "integer", minimum: 1, description: "Bytes; default is all." },
  },
);
export const WRITE_FILE = spec(
  "write_file",
  "Write a text file of the machine, with the folders above it; what was there is replaced.",
  ["path", "content"],
  { path: PATH, content: { type: "string", description: "All of it." } },
);
export const FORK_AND_TRY = spec(
  "fork_and_try",
  "Try several ways at once. Each attempt runs in its own copy of the machine, with all of its " +
    "memory, variables and files; nothing that it does is seen outside. Returns what each gave. " +
    "Then call keep_attempt with the number of the one to go on with.",
  ["attempts"],
  {
    attempts: {
      type: "array",
      items: { type: "string" },
      minItems: 1,
      maxItems: MAX_ATTEMPTS,
      description: "The code of each attempt.",
    },
    language: LANGUAGE,
  },
);
export const KEEP_ATTEMPT = spec(
  "keep_attempt",
  "After fork_and_try: the machine goes on as that attempt left it, and the others are dropped.",
  ["attempt"],
  {
    attempt: {
      type: "integer",
      minimum: 0,
      description: "Number of the attempt, from 1; 0 drops all and leaves it as it was.",
    },
  },
);

const ALL = [RUN_CODE, RUN_BASH, READ_FILE, WRITE_FILE, FORK_AND_TRY, KEEP_ATTEMPT] as const;
export type ToolName = (typeof ALL)[number]["name"];

/** All tools, or those of the names. */
export function toolSpecs(names?: readonly ToolName[]): readonly ToolSpec[] {
  return names === undefined ? ALL : ALL.filter((one) => names.includes(one.name));
}

export interface ToolImage {
  readonly mime: "image/png" | "image/jpeg";
  readonly data: Bytes;
}

/** What a model gets of a call. */
export interface ToolOutput {
  readonly text: string;
  /** The same for programs and for frameworks that take JSON. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly images: readonly ToolImage[];
  readonly isError: boolean;
}

/** The output of an execution; `stdout` and `stderr` are cut already. */
export function outputOf(result: ExecResult, stdout: string, stderr: string): ToolOutput {
  const data: Record<string, unknown> = { stdout, stderr, exit_code: result.exitCode };
  const text = [`stdout:\n${stdout}\nstderr:\n${stderr}\nexit_code: ${result.exitCode}`];
  if (result.reason !== "exited" && result.reason !== "crashed") {
    data.reason = result.reason;
    text.push(`reason: ${result.reason}`);
  }
  const { images, leftOut } = imagesOf(result);
  const { value } = result;
  if (value?.text !== undefined && value.png === undefined && value.jpeg === undefined) {
    data.result = shorten(value.text, DEFAULT_LIMIT);
    text.push(`result:\n${data.result}`);
  }
  if (images.length > 0 || leftOut > 0) {
    text.push(`figures: ${images.length}${leftOut > 0 ? `, ${leftOut} more left out` : ""}`);
  }
  return { text: text.join("\n"), data, images, isError: !result.ok };
}

function imagesOf(result: ExecResult): { images: ToolImage[]; leftOut: number } {
  const found: ToolImage[] = [];
  for (const { png, jpeg } of result.results) {
    if (png !== undefined) {
      found.push({ mime: "image/png", data: png });
    } else if (jpeg !== undefined) {
      found.push({ mime: "image/jpeg", data: jpeg });
    }
  }
  const images = found.filter((one) => one.data.length <= MAX_IMAGE_BYTES).slice(0, MAX_IMAGES);
  return { images, leftOut: found.length - images.length };
}

/** Keeps head and tail of a long text and says how much is left out, and where all of it is. */
export function shorten(text: string, limit: number, where?: string): string {
  if (text.length <= limit) {
    return text;
  }
  const half = Math.floor(limit / 2);
  const [head, tail] = [whole(text.slice(0, half)), whole(text.slice(-half))];
  const middle = text.slice(head.length, text.length - tail.length);
  const lines = middle.split("\n").length - 1;
  const place = where === undefined ? "" : `; all of it is in ${where}`;
  return `${head}\n[… ${middle.length} characters (${lines} lines) left out here${place} …]\n${tail}`;
}

/** Without the halves of characters that a cut leaves at its ends. */
export function whole(text: string): string {
  return text.replace(/^[\uDC00-\uDFFF]/, "").replace(/[\uD800-\uDBFF]$/, "");
}

export function failed(message: string, code: string): ToolOutput {
  return { text: `error: ${message}`, data: { error: message, code }, images: [], isError: true };
}
