/** The tools of one sandbox, to be called by a model. */

import { textOf } from "./bytes.js";
import { BadAnswer, PodflareError } from "./failures.js";
import type { Language } from "./options.js";
import type { ExecResult } from "./results.js";
import type { Sandbox } from "./sandbox.js";
import {
  DEFAULT_LIMIT,
  failed,
  MAX_ATTEMPTS,
  MAX_IMAGES,
  outputOf,
  shorten,
  type ToolName,
  type ToolOutput,
  type ToolSpec,
  toolSpecs,
  whole,
} from "./tools.js";

const FOLDER = "/tmp/outputs";

export interface ToolsetOptions {
  /** Names of tools; else all. */
  names?: readonly ToolName[] | undefined;
  /**
   * Most characters of one output; what is longer is cut in the middle, and all of it is put into a
   * file of the sandbox. 20,000.
   */
  limit?: number | undefined;
  /** For each run of code. */
  timeoutSeconds?: number | undefined;
}

/** What a model gives, which may be anything. */
type Given = Readonly<Record<string, unknown>>;

/** A model called a tool in a way that there is not. The message is for the model. */
class BadArguments extends Error {}

/** Tools of a sandbox, which the caller closes. */
export class Toolset {
  readonly specs: readonly ToolSpec[];
  readonly #limit: number;
  readonly #timeout: number | undefined;
  #attempts: Sandbox[] = [];

  constructor(
    readonly sandbox: Sandbox,
    options: ToolsetOptions = {},
  ) {
    this.specs = toolSpecs(options.names);
    this.#limit = options.limit ?? DEFAULT_LIMIT;
    this.#timeout = options.timeoutSeconds;
  }

  /** Does what a model asks. What goes wrong is an output with `isError`, for the model. */
  async call(
    name: string,
    given: Given,
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<ToolOutput> {
    try {
      if (!this.specs.some((spec) => spec.name === name)) {
        throw new BadArguments(`there is no tool "${name}"`);
      }
      return await this.#call(name as ToolName, given, signal);
    } catch (wrong) {
      if (wrong instanceof BadArguments) {
        return failed(wrong.message, "bad_arguments");
      }
      if (wrong instanceof PodflareError) {
        return failed(wrong.message, wrong.code);
      }
      throw wrong;
    }
  }

  /** Closes what attempts are left of the last `fork_and_try`. */
  async dropAttempts(): Promise<void> {
    for (const attempt of this.#attempts.splice(0)) {
      await attempt.close();
    }
  }

  async #call(name: ToolName, given: Given, signal?: AbortSignal): Promise<ToolOutput> {
    switch (name) {
      case "run_code":
        return await this.#run(
          textOfArgument(given, "code"),
          languageOf(given),
          this.#timeout,
          signal,
        );
      case "run_bash": {
        const timeout = numberOf(given, "timeout_seconds", 1) ?? this.#timeout;
        return await this.#run(textOfArgument(given, "command"), "bash", timeout, signal);
      }
      case "read_file":
        return await this.#read(given);
      case "write_file":
        return await this.#write(given);
      case "fork_and_try":
        return await this.#forkAndTry(given);
      case "keep_attempt":
        return await this.#keepAttempt(given);
    }
  }

  async #run(
    code: string,
    language: Language,
    timeoutSeconds: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ToolOutput> {
    const result = await this.sandbox.runCode(code, { language, timeoutSeconds, signal });
    return await this.#output(this.sandbox, result);
  }

  async #output(sandbox: Sandbox, result: ExecResult): Promise<ToolOutput> {
    const stdout = await this.#cut(sandbox, result.stdout, `${result.execId}.stdout`);
    const stderr = await this.#cut(sandbox, result.stderr, `${result.execId}.stderr`);
    return outputOf(result, stdout, stderr);
  }

  async #cut(sandbox: Sandbox, text: string, name: string): Promise<string> {
    if (text.length <= this.#limit) {
      return text;
    }
    const path = `${FOLDER}/${name}`;
    try {
      await sandbox.files.write(path, text);
      return shorten(text, this.#limit, path);
    } catch (error) {
      if (error instanceof PodflareError) {
        return shorten(text, this.#limit); // full, or gone meanwhile
      }
      throw error;
    }
  }

  async #read(given: Given): Promise<ToolOutput> {
    const path = textOfArgument(given, "path");
    const offset = numberOf(given, "offset", 0) ?? 0;
    const length = numberOf(given, "length", 1);
    const { size } = await this.sandbox.files.stat(path);
    const wanted = Math.min(length ?? size, Math.max(0, size - offset));
    const most = 4 * this.#limit + 4; // bytes of so many characters
    const text =
      wanted > most
        ? await this.#ends(path, offset, wanted, Math.floor(most / 2))
        : shorten(
            textOf(await this.sandbox.files.read(path, { offset, length })),
            this.#limit,
            path,
          );
    return { text, data: { content: text, size }, images: [], isError: false };
  }

  /** Head and tail of a long part, of which not all is read. */
  async #ends(path: string, offset: number, wanted: number, half: number): Promise<string> {
    const { files } = this.sandbox;
    const head = await files.read(path, { offset, length: half });
    const tail = await files.read(path, { offset: offset + wanted - half, length: half });
    const kept = Math.floor(this.#limit / 2);
    const note = `[… more than ${wanted - 2 * half} bytes left out here; ask for a part by offset …]`;
    return `${whole(textOf(head).slice(0, kept))}\n${note}\n${whole(textOf(tail).slice(-kept))}`;
  }

  async #write(given: Given): Promise<ToolOutput> {
    const content = textOfArgument(given, "content");
    const { path, size } = await this.sandbox.files.write(textOfArgument(given, "path"), content);
    const text = `wrote ${size} bytes to ${path}`;
    return { text, data: { path, size }, images: [], isError: false };
  }

  async #forkAndTry(given: Given): Promise<ToolOutput> {
    const attempts = textsOf(given, "attempts", MAX_ATTEMPTS);
    const language = languageOf(given);
    await this.dropAttempts();
    const tried = await this.sandbox.fanout(attempts, { language, timeoutSeconds: this.#timeout });
    this.#attempts = [...tried.children];
    const outputs: ToolOutput[] = [];
    for (const [index, child] of tried.children.entries()) {
      const result = tried.results[index];
      if (!result) {
        throw new BadAnswer(`attempt ${index + 1} has no result`);
      }
      outputs.push(await this.#output(child, result));
    }
    const pieces = outputs.map((one, index) => `attempt ${index + 1}:\n${one.text}`);
    pieces.push("Call keep_attempt with the number of the one to go on with, or 0.");
    return {
      text: pieces.join("\n\n"),
      data: { attempts: outputs.map((one) => one.data) },
      images: outputs.flatMap((one) => one.images).slice(0, MAX_IMAGES),
      isError: false,
    };
  }

  async #keepAttempt(given: Given): Promise<ToolOutput> {
    const number = numberOf(given, "attempt", 0);
    const most = this.#attempts.length;
    if (number === undefined || number > most) {
      throw new BadArguments(`attempt must be 0 to ${most}; fork_and_try is first`);
    }
    const [winner] = number > 0 ? this.#attempts.splice(number - 1, 1) : [];
    if (winner !== undefined) {
      await this.sandbox.mergeInto(winner);
    }
    await this.dropAttempts();
    const text = winner ? `the machine goes on as attempt ${number} left it` : "all are dropped";
    return { text, data: { kept: number }, images: [], isError: false };
  }
}

function textOfArgument(given: Given, name: string): string {
  const value = given[name];
  if (typeof value !== "string") {
    throw new BadArguments(`${name} must be a text`);
  }
  return value;
}

function numberOf(given: Given, name: string, least: number): number | undefined {
  const value = given[name];
  if (value === undefined || value === null) {
    return undefined;
  }
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    throw new BadArguments(`${name} must be a whole number of at least ${least}`);
  }
  return value as number;
}

function textsOf(given: Given, name: string, most: number): string[] {
  const value = given[name];
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) {
    throw new BadArguments(`${name} must be a list of texts`);
  }
  if (value.length < 1 || value.length > most) {
    throw new BadArguments(`${name} must have 1 to ${most} texts`);
  }
  return value;
}

function languageOf(given: Given): Language {
  const language = given.language || "python";
  if (language !== "python" && language !== "bash") {
    throw new BadArguments("language must be 'python' or 'bash'");
  }
  return language;
}
