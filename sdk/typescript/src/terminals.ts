/** Terminals of a sandbox, over HTTP and over WebSocket. */

import { type Bytes, fromBase64, textOf, toBase64, utf8 } from "./bytes.js";
import {
  BadAnswer,
  ConnectionBroken,
  NoAnswerInTime,
  NotConnected,
  StreamFailed,
  Unreachable,
} from "./failures.js";
import { Objects } from "./folds.js";
import { JoinPatience, sleep } from "./patience.js";
import { wire } from "./records.js";
import { get, post, segment } from "./requests.js";
import { Socket } from "./socket.js";
import type { Body, Transport } from "./transport.js";
import { type TerminalInfo, type TerminalRead, terminalInfo, terminalRead } from "./types.js";

const PIECE = 32 * 1024;

export interface TerminalOptions {
  /** A command line for `bash -lc`, or a program and its arguments; else a shell. */
  cmd?: string | readonly string[] | undefined;
  cols?: number | undefined;
  rows?: number | undefined;
  env?: Readonly<Record<string, string>> | undefined;
  cwd?: string | undefined;
}

export interface ReadOptions {
  /** Number of the first byte wanted. */
  sinceSeq?: number | undefined;
  maxBytes?: number | undefined;
  /** How long to wait for output if there is none yet, 30,000 at most. */
  timeoutMs?: number | undefined;
}

/**
 * A terminal that one looks at over a WebSocket; closing it leaves the terminal as it is.
 *
 * Iterating gives what is kept of its output, then what comes, until the program ends; `exitCode` is
 * there then. One reader; `send` and `resize` may come from elsewhere.
 */
export class TerminalConnection implements AsyncIterable<Bytes>, AsyncDisposable {
  readonly #socket: Socket;
  #exitCode: number | null = null;
  #skipped = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Null while the program runs. */
  get exitCode(): number | null {
    return this.#exitCode;
  }

  /** Bytes of output that this reader was too slow for. */
  get skipped(): number {
    return this.#skipped + this.#socket.dropped;
  }

  /** Types. */
  async send(data: Bytes | string): Promise<void> {
    const raw = typeof data === "string" ? utf8(data) : data;
    for (let at = 0; at < raw.length; at += PIECE) {
      await this.#socket.send(raw.subarray(at, at + PIECE));
    }
  }

  async resize(cols: number, rows: number): Promise<void> {
    await this.#socket.send(JSON.stringify({ resize: { cols, rows } }));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes, void, undefined> {
    while (true) {
      const message = await this.#socket.receive();
      if (message === undefined) {
        if (this.#exitCode !== null) {
          return;
        }
        throw new ConnectionBroken(`the terminal's connection ended: ${this.#socket.ending}`);
      }
      if (typeof message === "string") {
        this.#told(JSON.parse(message));
      } else {
        yield message;
      }
    }
  }

  #told(said: { exit_code?: number; skipped?: number; code?: string; error?: string }): void {
    this.#exitCode = said.exit_code ?? this.#exitCode;
    this.#skipped += said.skipped ?? 0;
    if (said.code !== undefined) {
      throw new StreamFailed(said.error ?? said.code, said.code);
    }
  }

  close(): void {
    this.#socket.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/** A line of a terminal's stream. */
type Line = Record<string, unknown>;

/** A handle on one terminal, which runs on without it. */
export class Terminal {
  readonly #path: string;

  constructor(
    private readonly transport: Transport,
    path: string,
    readonly id: string,
  ) {
    this.#path = `${path}/pty/${segment(id)}`;
  }

  /** Looks at it and types, over one connection. Node 20 needs the package `ws` for it. */
  async connect(): Promise<TerminalConnection> {
    try {
      return new TerminalConnection(
        await Socket.connect(this.transport.config, `${this.#path}/ws`),
      );
    } catch (refused) {
      if (refused instanceof NotConnected) {
        await this.read({ maxBytes: 1 }); // a WebSocket does not say why it was refused, this does
      }
      throw refused;
    }
  }

  /** Types; at most 1 MiB. `PtyClosed` if the program has ended. */
  async input(data: Bytes | string): Promise<void> {
    const raw = typeof data === "string" ? utf8(data) : data;
    await this.transport.call(post(`${this.#path}/input`, { data_b64: toBase64(raw) }));
  }

  async resize(cols: number, rows: number): Promise<void> {
    await this.transport.call(post(`${this.#path}/resize`, { cols, rows }, true));
  }

  /** Kills all that runs in it. */
  async kill(): Promise<void> {
    await this.transport.call(post(`${this.#path}/kill`, {}, true));
  }

  /** Output from a byte on, without a connection that stays. */
  async read(options: ReadOptions = {}): Promise<TerminalRead> {
    const { sinceSeq = 0, maxBytes = 65536, timeoutMs = 0 } = options;
    const body = { since_seq: sinceSeq, max_bytes: maxBytes, timeout_ms: timeoutMs };
    return terminalRead.read(await this.transport.call(post(`${this.#path}/read`, body, true)));
  }

  /**
   * What is kept of its output, then what comes, until the program ends. A connection that breaks is
   * made again, and goes on after the last byte.
   */
  async *output(): AsyncGenerator<Bytes, void, undefined> {
    for await (const piece of this.#followed()) {
      if (typeof piece !== "number") {
        yield piece;
      }
    }
  }

  async outputText(): Promise<string> {
    const pieces: Bytes[] = [];
    for await (const piece of this.output()) {
      pieces.push(piece);
    }
    return pieces.map(textOf).join("");
  }

  /** Waits for the program's end; its exit code. */
  async wait(): Promise<number> {
    for await (const piece of this.#followed()) {
      if (typeof piece === "number") {
        return piece;
      }
    }
    throw new BadAnswer("the terminal's stream ended without an exit code");
  }

  /** Each byte of output once; the last is the exit code. */
  async *#followed(): AsyncGenerator<Bytes | number, void, undefined> {
    const patience = new JoinPatience(this.transport.config.timeout);
    const position = { next: 0 };
    while (true) {
      let body: Body | undefined;
      try {
        body = await this.transport.open(get(`${this.#path}/attach`));
        const objects = new Objects();
        for (let data = await body.chunk(); data !== undefined; data = await body.chunk()) {
          patience.heard(false);
          for (const line of objects.feed(data)) {
            const piece = unseen(line, position);
            if (piece !== undefined) {
              patience.heard(true);
              yield piece;
            }
            if (typeof piece === "number") {
              return;
            }
          }
        }
        throw new ConnectionBroken("the terminal's stream ended");
      } catch (cut) {
        const broken = cut instanceof Unreachable || cut instanceof NoAnswerInTime;
        const pause = broken ? patience.pause(cut) : undefined;
        if (pause === undefined) {
          throw cut;
        }
        await sleep(pause);
      } finally {
        await body?.close();
      }
    }
  }
}

/** The terminals of one sandbox. */
export class Terminals {
  constructor(
    private readonly transport: Transport,
    private readonly path: string,
  ) {}

  /** Starts a program on a terminal of its own, which runs on whether or not anybody looks. */
  async open(options: TerminalOptions = {}): Promise<Terminal> {
    const { cmd, cols = 80, rows = 24, env, cwd } = options;
    const body = wire({ cols, rows, env, cwd, attach: false });
    if (cmd !== undefined) {
      body[typeof cmd === "string" ? "shellCmd" : "argv"] = cmd;
    }
    const opened = await this.transport.call(post(`${this.path}/pty`, body));
    return this.get(terminalInfo.read(opened).ptyId);
  }

  /** A handle on a terminal; asks nothing of the server. */
  get(ptyId: string): Terminal {
    return new Terminal(this.transport, this.path, ptyId);
  }

  /** Oldest first, with the last 16 that have ended. */
  async list(): Promise<TerminalInfo[]> {
    return terminalInfo.readAll(await this.transport.call(get(`${this.path}/pty`)));
  }
}

/** What of a line was not seen yet: bytes of output, or the exit code. */
function unseen(line: Line, position: { next: number }): Bytes | number | undefined {
  if (line.type === "pty_error") {
    throw new StreamFailed(String(line.message), "pty_closed");
  }
  if (line.type === "pty_exit") {
    return Number(line.data);
  }
  if (line.type !== "pty_data") {
    return undefined;
  }
  const data = fromBase64(String(line.data_b64));
  const first = typeof line.seq === "number" ? line.seq : position.next;
  const fresh = data.subarray(Math.max(0, position.next - first));
  position.next = Math.max(position.next, first + data.length);
  return fresh.length > 0 ? fresh : undefined;
}
