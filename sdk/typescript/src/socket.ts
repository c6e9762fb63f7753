/** A WebSocket whose messages are read one after the other. */

import type { Config, SocketClass, SocketLike } from "./config.js";
import { ConnectionBroken, NoAnswerInTime, NotConnected } from "./failures.js";
import { LONGEST_TIMER, now, sleep } from "./patience.js";

const MAX_WAITING_BYTES = 64 << 20;
const MAX_BUFFERED_BYTES = 1 << 20;
const FULL_PAUSE = 5;
// Who cannot send `Authorization` with a WebSocket offers the key as a protocol.
const PROTOCOL = "podflare.terminal";
const BEARER = "podflare.bearer.";

export type Message = string | Uint8Array<ArrayBuffer>;

export class Socket {
  readonly #socket: SocketLike;
  readonly #patience: number;
  #messages: Message[] = [];
  #waitingBytes = 0;
  #wake: (() => void) | undefined;
  #closed: { readonly code: number; readonly reason: string } | undefined;
  /** Bytes of output that were dropped, since nobody read them. */
  dropped = 0;

  private constructor(socket: SocketLike, patience: number) {
    this.#socket = socket;
    this.#patience = patience;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.#take(data));
    socket.addEventListener("close", (closed) => {
      this.#closed = closed;
      this.#wake?.();
    });
  }

  static async connect(config: Config, path: string): Promise<Socket> {
    const kind = config.webSocket ?? (await platformSocket());
    const url = `ws${config.host.slice("http".length)}${path}`;
    const bearer = config.apiKey === undefined ? [] : [BEARER + config.apiKey];
    const raw = new kind(url, [PROTOCOL, ...bearer]);
    const socket = new Socket(raw, config.timeout);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => {
          reject(new NoAnswerInTime(`${config.host} opens no WebSocket`));
          raw.close();
        },
        Math.min(config.timeout, LONGEST_TIMER),
      );
      const end = (act: () => void) => {
        clearTimeout(timer);
        act();
      };
      raw.addEventListener("open", () => end(resolve));
      raw.addEventListener("error", ({ message }) =>
        end(() => reject(new NotConnected(`no WebSocket to ${config.host}: ${message ?? ""}`))),
      );
    });
    return socket;
  }

  /** Waits while too much is on its way. */
  async send(message: Message): Promise<void> {
    const end = now() + this.#patience;
    while (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES && this.#closed === undefined) {
      if (now() > end) {
        throw new NoAnswerInTime("the server does not take what is sent");
      }
      await sleep(FULL_PAUSE);
    }
    if (this.#closed !== undefined) {
      throw new ConnectionBroken(`not connected: ${this.#why(this.#closed)}`);
    }
    this.#socket.send(message);
  }

  /** The next message; undefined once the connection has ended. */
  async receive(): Promise<Message | undefined> {
    while (true) {
      const message = this.#messages.shift();
      if (message !== undefined) {
        this.#waitingBytes -= message.length;
        return message;
      }
      if (this.#closed !== undefined) {
        return undefined;
      }
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** Why it has ended. */
  get ending(): string {
    return this.#closed === undefined ? "" : this.#why(this.#closed);
  }

  close(): void {
    this.#socket.close();
    this.#wake?.();
  }

  #take(data: unknown): void {
    const message = typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer);
    this.#messages.push(message);
    this.#waitingBytes += message.length;
    while (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#drop();
    }
    this.#wake?.();
  }

  /** The oldest output goes; what the server says about the terminal stays. */
  #drop(): void {
    const at = this.#messages.findIndex((one) => typeof one !== "string");
    const [gone] = this.#messages.splice(Math.max(0, at), 1);
    this.#waitingBytes -= gone?.length ?? 0;
    this.dropped += gone?.length ?? 0;
  }

  #why({ code, reason }: { code: number; reason: string }): string {
    return reason ? `${reason} (${code})` : `closed with ${code}`;
  }
}

/** The platform's, else that of the package `ws`, which Node 20 needs. */
async function platformSocket(): Promise<SocketClass> {
  if (typeof globalThis.WebSocket === "function") {
    return globalThis.WebSocket as unknown as SocketClass;
  }
  const name = "ws"; // not as a constant, lest bundlers for platforms that do without look for it
  try {
    const module = (await import(/* @vite-ignore */ name)) as { WebSocket: SocketClass };
    return module.WebSocket;
  } catch (missing) {
    throw new Error("this platform has no WebSocket: npm install ws", { cause: missing });
  }
}
