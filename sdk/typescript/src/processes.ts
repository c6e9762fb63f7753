/** Programs that run on in a sandbox beside all else. */

import { type Bytes, toBase64, utf8 } from "./bytes.js";
import { TimedOut } from "./errors.js";
import { EventStream } from "./executions.js";
import { isExecEvent } from "./folds.js";
import { JoinPatience, now, sleep } from "./patience.js";
import { isObject, wire } from "./records.js";
import { get, post, type Request, remove, segment } from "./requests.js";
import type { ProcessEvent } from "./results.js";
import type { Transport } from "./transport.js";
import {
  type GuestProcess,
  guestProcess,
  type ListeningPort,
  type LogLine,
  listeningPort,
  logLine,
  type ProcessInfo,
  processInfo,
} from "./types.js";

const LONGEST_WAIT = 60_000;
const DEFAULT_SECONDS = 30;

export interface ProcessOptions {
  /** Serves as the id does; if several have it, it means the newest. */
  name?: string | undefined;
  cwd?: string | undefined;
  /** Besides the sandbox's. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Standard input, at most 1 MiB; else it is empty. */
  stdin?: string | undefined;
  /** Keep standard input open for `write`. */
  stdinOpen?: boolean | undefined;
  /** After it the process is ended; else it may run for ever. */
  timeoutSeconds?: number | undefined;
  /** While it runs, the sandbox is not idle; true if left out. */
  keepsAwake?: boolean | undefined;
}

export interface WaitOptions {
  /** `TimedOut` after so long. 30 if left out. */
  timeoutSeconds?: number | undefined;
}

export interface LogOptions {
  /** First number wanted. */
  fromSeq?: number | undefined;
  /** Also what comes, until it ends. */
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** What is looked for in a log: a text, or a regular expression as RE2 understands it. */
export type Wanted = string | RegExp;

/** A handle on one process, by its id or name. It runs on without it. */
export class Process {
  readonly #path: string;
  readonly #sandbox: string;

  constructor(
    private readonly transport: Transport,
    sandbox: string,
    readonly id: string,
    /** What was said when it was started; null of a handle that was made of an id. */
    readonly started: ProcessInfo | null = null,
  ) {
    this.#sandbox = sandbox;
    this.#path = `${sandbox}/processes/${segment(id)}`;
  }

  async info(): Promise<ProcessInfo> {
    return processInfo.read(await this.transport.call(get(this.#path)));
  }

  /** What it has said, and, with `follow`, what it says; a connection that breaks is made again. */
  async *logs(options: LogOptions = {}): AsyncGenerator<ProcessEvent, void, undefined> {
    const { fromSeq, follow = false, signal } = options;
    const again = (seq: number) => get(`${this.#path}/logs`, { from_seq: seq, follow });
    const stream = new EventStream(this.transport, again, { fromSeq, signal });
    for await (const event of stream.events(follow)) {
      if (!isExecEvent(event) || (event.type !== "result" && event.type !== "exception")) {
        yield event;
      }
    }
  }

  /** A name, `TERM` or `SIGTERM` for one, or a number; to all of its process group. */
  async signal(
    signal: string | number,
    { group = true }: { group?: boolean | undefined } = {},
  ): Promise<void> {
    await this.transport.call(post(`${this.#path}/signal`, { signal, group }));
  }

  /** Asks it to end by SIGTERM; if it runs on for five seconds, all of its session is killed. */
  async end(): Promise<void> {
    await this.transport.call(remove(this.#path));
  }

  /** Waits until it has ended. With `timeoutSeconds` the answer may say that it runs. */
  async wait(options: { timeoutSeconds?: number | undefined } = {}): Promise<ProcessInfo> {
    const end = now() + 1000 * (options.timeoutSeconds ?? Number.POSITIVE_INFINITY);
    while (true) {
      const request = (wait: number) => post(`${this.#path}/wait`, { timeout_ms: wait }, true);
      const info = processInfo.read(await waited(this.transport, request, end));
      if (info.state === "ended" || now() >= end) {
        return info;
      }
    }
  }

  /** Writes to its standard input; `close`: end of file after that. */
  async write(
    data: string | Bytes,
    { close = false }: { close?: boolean | undefined } = {},
  ): Promise<void> {
    const raw = typeof data === "string" ? utf8(data) : data;
    const body = wire({ dataB64: raw.length > 0 ? toBase64(raw) : undefined, close });
    await this.transport.call(post(`${this.#path}/stdin`, body));
  }

  /** Waits for a line that it says, or has said from `fromSeq` on. */
  async waitForLog(
    wanted: Wanted,
    options: WaitOptions & { fromSeq?: number | undefined } = {},
  ): Promise<LogLine> {
    const looked = typeof wanted === "string" ? { text: wanted } : { pattern: patternOf(wanted) };
    const body = wire({ process: this.id, fromSeq: options.fromSeq, ...looked });
    return logLine.read(
      await until(this.transport, `${this.#sandbox}/wait_for_log`, body, options),
    );
  }

  /** Waits until it, or what it started, listens on a TCP port; `ProcessEnded` if it ends before. */
  async waitForPort(port: number, options: WaitOptions = {}): Promise<ListeningPort> {
    return await waitForPort(this.transport, this.#sandbox, port, { ...options, process: this.id });
  }
}

/** The processes of one sandbox that were started as such. */
export class Processes {
  readonly #path: string;

  constructor(
    private readonly transport: Transport,
    private readonly sandbox: string,
  ) {
    this.#path = `${sandbox}/processes`;
  }

  /** A command line for `bash -lc`, or a program and its arguments. The answer comes once it runs. */
  async start(command: string | readonly string[], options: ProcessOptions = {}): Promise<Process> {
    const what = typeof command === "string" ? { cmd: command } : { argv: command };
    const body = wire({ ...what, ...options });
    const info = processInfo.read(await this.transport.call(post(this.#path, body)));
    return new Process(this.transport, this.sandbox, info.processId, info);
  }

  /** A handle by id or name; asks nothing of the server. */
  get(process: string): Process {
    return new Process(this.transport, this.sandbox, process);
  }

  /** Those that run, and the last that have ended, newest first. */
  async list(): Promise<ProcessInfo[]> {
    return processInfo.readAll(await this.transport.call(get(this.#path)), "processes");
  }

  /** All that run in the guest, but its agent and its kernel's own, as its kernel tells them. */
  async guest(): Promise<{ processes: GuestProcess[]; truncated: boolean }> {
    const answer = await this.transport.call(get(this.#path, { all: true }));
    const truncated = isObject(answer) && answer.truncated === true;
    return { processes: guestProcess.readAll(answer, "guest"), truncated };
  }
}

export async function waitForPort(
  transport: Transport,
  sandbox: string,
  port: number,
  options: WaitOptions & { process?: string | undefined },
): Promise<ListeningPort> {
  const body = wire({ port, process: options.process });
  return listeningPort.read(await until(transport, `${sandbox}/wait_for_port`, body, options));
}

/** Asks, again and again where the time is longer than one call may wait. */
async function until(
  transport: Transport,
  path: string,
  body: Record<string, unknown>,
  options: WaitOptions,
): Promise<unknown> {
  const end = now() + 1000 * (options.timeoutSeconds ?? DEFAULT_SECONDS);
  while (true) {
    try {
      const request = (wait: number) => post(path, { ...body, timeout_ms: wait }, true);
      return await waited(transport, request, end);
    } catch (error) {
      if (!(error instanceof TimedOut) || now() >= end) {
        throw error;
      }
    }
  }
}

/** One call that waits in the server, also over cuts and restarts. */
async function waited(
  transport: Transport,
  request: (wait: number) => Request,
  end: number,
): Promise<unknown> {
  const patience = new JoinPatience(transport.config.timeout);
  while (true) {
    const wait = Math.round(Math.max(0, Math.min(LONGEST_WAIT, end - now())));
    try {
      const timeout = transport.config.timeout + wait;
      return await transport.call({ ...request(wait), repeatable: false, timeout });
    } catch (cut) {
      const pause = cut instanceof TimedOut ? undefined : patience.pause(cut);
      if (pause === undefined) {
        throw cut;
      }
      await sleep(pause);
    }
  }
}

function patternOf(expression: RegExp): string {
  const flags = expression.flags.replaceAll(/[^ims]/g, "");
  return flags === "" ? expression.source : `(?${flags})${expression.source}`;
}
