/** What turns the bytes of a stream into lines, events and results. Nothing here waits. */

import { type Bytes, joined, textOf, utf8 } from "./bytes.js";
import { BadAnswer, StreamFailed } from "./failures.js";
import { excerpt, isObject } from "./records.js";
import {
  type AnyEvent,
  type CodeException,
  type ExecEvent,
  ExecResult,
  type ExitEvent,
  parseEvent,
  Result,
  type ResultEvent,
} from "./results.js";
import { type LifecycleEvent, lifecycleEvent, type Winner, winner } from "./types.js";

const MAX_LINE_BYTES = 64 << 20;
const MAX_RESULTS = 1000;
const NEWLINE = 10;

/** Cuts bytes into lines at newlines alone, without them. */
export class Lines {
  #rest: Bytes[] = [];
  #size = 0;

  feed(data: Bytes): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let to = data.indexOf(NEWLINE); to >= 0; to = data.indexOf(NEWLINE, from)) {
      lines.push(textOf(joined([...this.#rest, data.subarray(from, to)])));
      this.#rest = [];
      this.#size = 0;
      from = to + 1;
    }
    if (from < data.length) {
      this.#rest.push(data.subarray(from));
      this.#size += data.length - from;
    }
    if (this.#size > MAX_LINE_BYTES) {
      throw new BadAnswer(`a line of more than ${MAX_LINE_BYTES} bytes`);
    }
    return lines;
  }
}

/** Reads NDJSON: one object a line, empty lines between them. */
export class Objects {
  readonly #lines = new Lines();

  feed(data: Bytes): Record<string, unknown>[] {
    return this.#lines
      .feed(data)
      .filter((line) => line.trim() !== "")
      .map(parseObject);
  }
}

function parseObject(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (wrong) {
    throw new BadAnswer(`not JSON: ${excerpt(line)}`, { cause: wrong });
  }
  if (!isObject(value)) {
    throw new BadAnswer(`not an object: ${excerpt(line)}`);
  }
  return value;
}

/** Lets each event of a stream through once, however often the stream was joined. */
export class Sequence {
  /** Events that the server did not keep while the connection was away. */
  missed = 0;
  ended = false;

  constructor(public next = 0) {}

  take(event: {
    readonly type: string | null;
    readonly seq: number;
    readonly data?: unknown;
  }): boolean {
    if (event.seq < this.next) {
      return false;
    }
    this.missed += event.seq - this.next;
    this.next = event.seq + (event.type === "skipped" ? Number(event.data) : 1);
    this.ended = event.type === "exit";
    return true;
  }
}

/** Gathers the result of one execution from its events. */
export class ExecutionFold {
  readonly #output = { stdout: [] as Bytes[], stderr: [] as Bytes[] };
  readonly #room: { stdout: number; stderr: number };
  #results: Result[] = [];
  #exception: CodeException | null = null;
  #exit: ExitEvent | undefined;
  #truncated = false;

  constructor(
    maxOutputBytes: number,
    public execId = "",
  ) {
    this.#room = { stdout: maxOutputBytes, stderr: maxOutputBytes };
  }

  take(event: ExecEvent): void {
    switch (event.type) {
      case "stdout":
      case "stderr":
        this.#keep(event.type, event.raw ?? utf8(event.data));
        break;
      case "started":
        this.execId = event.data;
        break;
      case "result":
        this.#show(event);
        break;
      case "exception":
        this.#exception = event.data;
        break;
      case "exit":
        this.#exit = event;
        break;
    }
  }

  /** Null of a call whose end was not seen. */
  result(missed = 0): ExecResult | null {
    if (this.#exit === undefined) {
      return null;
    }
    return new ExecResult({
      exitCode: this.#exit.data,
      reason: this.#exit.reason ?? "exited",
      execId: this.execId,
      results: this.#results,
      exception: this.#exception,
      truncated: this.#truncated || missed > 0,
      stdoutBytes: joined(this.#output.stdout),
      stderrBytes: joined(this.#output.stderr),
    });
  }

  #keep(stream: "stdout" | "stderr", raw: Bytes): void {
    const room = this.#room[stream];
    this.#truncated ||= raw.length > room;
    const kept = raw.length > room ? raw.subarray(0, room) : raw;
    this.#room[stream] = room - kept.length;
    if (kept.length > 0) {
      this.#output[stream].push(kept);
    }
  }

  /** Does with displays what a notebook does. */
  #show(event: ResultEvent): void {
    const { displayId } = event;
    if (event.kind === "clear") {
      this.#results = this.#results.filter((one) => one.kind === "value");
    } else if (event.kind === "update") {
      this.#results = this.#results.map((one) =>
        displayId !== undefined && one.displayId === displayId
          ? new Result(event.data, one.kind, displayId)
          : one,
      );
    } else if (this.#results.length < MAX_RESULTS) {
      this.#results.push(new Result(event.data, event.kind, displayId));
    } else {
      this.#truncated = true;
    }
  }
}

/** Reads server-sent events: gives the id, and the event unless it only moves the position. */
export class ServerSentEvents {
  readonly #lines = new Lines();
  #id: number | undefined;
  #data: string[] = [];

  *feed(data: Bytes): Generator<readonly [number, LifecycleEvent | undefined]> {
    for (const raw of this.#lines.feed(data)) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line !== "") {
        this.#field(line);
        continue;
      }
      const [id, text] = [this.#id, this.#data.join("\n")];
      this.#id = undefined;
      this.#data = [];
      if (id !== undefined) {
        yield [id, text === "" ? undefined : lifecycleEvent.read({ ...parseObject(text), id })];
      }
    }
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "id" && /^\d+$/.test(value)) {
      this.#id = Number(value);
    } else if (name === "data") {
      this.#data.push(value);
    }
  }
}

/** Gathers what the children of a fan-out said. */
export class FanOutFold {
  #folds: ExecutionFold[] = [];
  children: readonly string[] = [];
  winner: Winner | null = null;

  constructor(
    private readonly maxOutputBytes: number,
    private readonly onEvent: ((index: number, event: ExecEvent) => void) | undefined,
  ) {}

  get results(): (ExecResult | null)[] {
    return this.#folds.map((fold) => fold.result());
  }

  /** Whether this was the end. */
  take(line: Record<string, unknown>): boolean {
    const { type, children } = line;
    if (type === "error") {
      throw new StreamFailed(String(line.error), String(line.code));
    }
    if (type === "forked" && Array.isArray(children)) {
      this.#folds = children.map(() => new ExecutionFold(this.maxOutputBytes));
    } else if (type === "done" && Array.isArray(children)) {
      this.children = children.map(String);
      this.winner = line.winner === null ? null : winner.read(line.winner);
      return true;
    } else if (typeof line.index === "number") {
      this.#event(line.index, parseEvent(line));
    }
    return false;
  }

  #event(index: number, event: AnyEvent | { type: null }): void {
    const fold = this.#folds[index];
    if (fold === undefined) {
      throw new BadAnswer(`an event of a child that there is not: ${index}`);
    }
    if (isExecEvent(event)) {
      fold.take(event);
      this.onEvent?.(index, event);
    }
  }
}

export function isExecEvent(event: AnyEvent | { type: null }): event is ExecEvent {
  return event.type !== null && event.type !== "skipped";
}
