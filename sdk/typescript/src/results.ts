/** What code gives back: events as they come, and how it went. */

import { type Bytes, fromBase64, textOf } from "./bytes.js";
import { BadAnswer } from "./failures.js";
import {
  excerpt,
  isObject,
  list,
  number,
  or,
  orNull,
  RecordKind,
  type RecordOf,
  text,
} from "./records.js";

export const CHART = "application/vnd.podflare.chart+json";

/** Mime type to value: text, base64 of binary ones, JSON of `…json` ones. */
export type MimeBundle = Readonly<Record<string, unknown>>;

export type ExitReason =
  | "exited"
  | "timeout"
  | "cancelled"
  | "crashed"
  | "out_of_memory"
  | "output_limit"
  | "sandbox_closed";

/** `value`: of the last expression; `display`: on the way; the others change displays. */
export type ResultKind = "value" | "display" | "update" | "clear";

const frame = new RecordKind("Frame", {
  file: or(text, ""),
  line: or(number, 0),
  /** From 1, where it is known. */
  column: orNull(number),
  function: or(text, ""),
  source: or(text, ""),
});
/** One call of a traceback. */
export type Frame = RecordOf<typeof frame>;

const codeException = new RecordKind("CodeException", {
  name: or(text, ""),
  value: or(text, ""),
  /** Outermost first, the last 50. */
  frames: or(list(frame), []),
});
/** What ended code that failed. Its traceback is in stderr too. */
export type CodeException = RecordOf<typeof codeException>;

interface Numbered {
  readonly seq: number;
  /** Milliseconds since 1970, by the host's clock. */
  readonly ts: number;
  /** Of `replay` only. */
  readonly execId?: string;
}

/** Output: with the framing `lines` one line without its newline, with `chunks` what was written. */
export interface OutputEvent extends Numbered {
  readonly type: "stdout" | "stderr";
  readonly data: string;
  /** The bytes of output that is no UTF-8; `data` is an approximation then. */
  readonly raw?: Bytes;
}
export interface StartedEvent extends Numbered {
  readonly type: "started";
  /** Id of the execution or the process. */
  readonly data: string;
}
export interface ResultEvent extends Numbered {
  readonly type: "result";
  readonly data: MimeBundle;
  readonly kind: ResultKind;
  readonly displayId?: string;
}
export interface ExceptionEvent extends Numbered {
  readonly type: "exception";
  readonly data: CodeException;
}
export interface ExitEvent extends Numbered {
  readonly type: "exit";
  readonly data: number;
  /** With the framing `chunks`. */
  readonly reason?: ExitReason;
}
/** So many events of a process's log, from `seq` on, are not kept any more. */
export interface SkippedEvent extends Numbered {
  readonly type: "skipped";
  readonly data: number;
}

/** One event of an execution. The framing `lines` has output and exit alone. */
export type ExecEvent = OutputEvent | StartedEvent | ResultEvent | ExceptionEvent | ExitEvent;
/** One event of a process's log. */
export type ProcessEvent = OutputEvent | StartedEvent | ExitEvent | SkippedEvent;
export type AnyEvent = ExecEvent | ProcessEvent;

/** One event of a line; of a type that is not known, from a newer server, its number alone. */
export function parseEvent(line: Record<string, unknown>): AnyEvent | { type: null; seq: number } {
  const { seq, ts } = line;
  if (typeof seq !== "number" || typeof ts !== "number") {
    throw notAnEvent(line);
  }
  const base: Numbered = {
    seq,
    ts,
    ...(typeof line.exec_id === "string" ? { execId: line.exec_id } : {}),
  };
  try {
    return typed(base, line) ?? { type: null, seq };
  } catch (wrong) {
    throw notAnEvent(line, wrong);
  }
}

function typed(base: Numbered, line: Record<string, unknown>): AnyEvent | undefined {
  const { type, data } = line;
  switch (type) {
    case "stdout":
    case "stderr": {
      if (line.data_b64 !== undefined) {
        const raw = fromBase64(text.read(line.data_b64));
        return { ...base, type, data: textOf(raw), raw };
      }
      return { ...base, type, data: text.read(data) };
    }
    case "started":
      return { ...base, type, data: text.read(data) };
    case "result":
      return shown(base, line);
    case "exception":
      return { ...base, type, data: codeException.read(data) };
    case "skipped":
      return { ...base, type, data: number.read(data) };
    case "exit": {
      const reason = line.reason as ExitReason | undefined;
      const exit = { ...base, type, data: number.read(data) } as const;
      return reason === undefined ? exit : { ...exit, reason };
    }
    default:
      return undefined;
  }
}

function shown(base: Numbered, line: Record<string, unknown>): ResultEvent {
  if (!isObject(line.data)) {
    throw notAnEvent(line);
  }
  const kind = (line.kind ?? "value") as ResultKind;
  const result = { ...base, type: "result", data: line.data, kind } as const;
  return typeof line.display_id === "string" ? { ...result, displayId: line.display_id } : result;
}

function notAnEvent(line: unknown, cause?: unknown): BadAnswer {
  return new BadAnswer(`not an event: ${excerpt(line)}`, { cause });
}

/** One value that code showed: that of its last expression, or a display on the way. */
export class Result {
  constructor(
    readonly data: MimeBundle,
    readonly kind: ResultKind = "value",
    readonly displayId?: string,
  ) {}

  get text(): string | undefined {
    return this.#text("text/plain");
  }

  get html(): string | undefined {
    return this.#text("text/html");
  }

  get markdown(): string | undefined {
    return this.#text("text/markdown");
  }

  get svg(): string | undefined {
    return this.#text("image/svg+xml");
  }

  /** A figure. */
  get png(): Bytes | undefined {
    return this.#binary("image/png");
  }

  get jpeg(): Bytes | undefined {
    return this.#binary("image/jpeg");
  }

  /** Of a table its records. */
  get json(): unknown {
    return this.data["application/json"];
  }

  /** A figure as data: axes, series and labels. */
  get chart(): Readonly<Record<string, unknown>> | undefined {
    const value = this.data[CHART];
    return isObject(value) ? value : undefined;
  }

  #text(mime: string): string | undefined {
    const value = this.data[mime];
    return typeof value === "string" ? value : undefined;
  }

  #binary(mime: string): Bytes | undefined {
    const value = this.#text(mime);
    return value === undefined ? undefined : fromBase64(value);
  }
}

/** How an execution went. */
export class ExecResult {
  /** 0 when all went well; 1 uncaught exception, 124 timeout, 130 cancelled, 128 + n signal n. */
  readonly exitCode: number;
  readonly reason: ExitReason;
  readonly execId: string;
  /** What the code showed, in order, as a notebook would have it in the end. */
  readonly results: readonly Result[];
  readonly exception: CodeException | null;
  /**
   * Whether something was left out: output beyond the client's `maxOutputBytes`, or what the server
   * did not keep while the connection was away.
   */
  readonly truncated: boolean;
  /** Exactly what was written. */
  readonly stdoutBytes: Bytes;
  readonly stderrBytes: Bytes;
  /** Without the newline at its end. */
  readonly stdout: string;
  /** Without the newline at its end. */
  readonly stderr: string;

  constructor(all: Omit<ExecResult, "stdout" | "stderr" | "ok" | "value" | "figures" | "charts">) {
    this.exitCode = all.exitCode;
    this.reason = all.reason;
    this.execId = all.execId;
    this.results = all.results;
    this.exception = all.exception;
    this.truncated = all.truncated;
    this.stdoutBytes = all.stdoutBytes;
    this.stderrBytes = all.stderrBytes;
    this.stdout = withoutNewline(textOf(all.stdoutBytes));
    this.stderr = withoutNewline(textOf(all.stderrBytes));
  }

  get ok(): boolean {
    return this.exitCode === 0;
  }

  /** Of the last expression. */
  get value(): Result | undefined {
    return this.results.findLast((one) => one.kind === "value");
  }

  /** Pictures as PNG. */
  get figures(): Bytes[] {
    return this.results.map((one) => one.png).filter((png) => png !== undefined);
  }

  /** Figures as data. */
  get charts(): Readonly<Record<string, unknown>>[] {
    return this.results.map((one) => one.chart).filter((chart) => chart !== undefined);
  }
}

function withoutNewline(output: string): string {
  return output.endsWith("\n") ? output.slice(0, -1) : output;
}
