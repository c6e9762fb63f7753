/**
 * A TCP proxy that misbehaves on request: it cuts answers after so many bytes, answers in the
 * server's place, or waits.
 */

import { createConnection, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const END_OF_HEAD = "\r\n\r\n";

/**
 * Stands before the server. `cuts` has, for one request after the other, how many bytes of the answer
 * get through before it is cut; `answers` what is answered instead, before anything goes through. Both
 * are used up from their beginning; then all goes through.
 */
export class FaultyProxy {
  cuts: number[] = [];
  answers: string[] = [];
  /** Heads of requests, as they came. */
  requests: string[] = [];
  /** Which requests are meddled with, by their head. */
  only: (head: string) => boolean = () => true;
  /** Milliseconds before each request goes on. */
  delay = 0;
  /** After so many bytes of a request's body its connection breaks; once. */
  cutBodyAfter: number | undefined;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(private readonly to: { host: string; port: number }) {
    this.#server = createServer({ noDelay: true }, (caller) => this.#serve(caller));
  }

  static async before(server: string, port = 0): Promise<FaultyProxy> {
    const { hostname, port: of } = new URL(server);
    const proxy = new FaultyProxy({ host: hostname, port: Number(of) });
    await new Promise<void>((resolve) => proxy.#server.listen(port, "127.0.0.1", resolve));
    return proxy;
  }

  get host(): string {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) {
      throw new Error("not listening");
    }
    return `http://127.0.0.1:${address.port}`;
  }

  /** How many requests had this in their head. */
  count(part: string): number {
    return this.requests.filter((head) => head.includes(part)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) {
      socket.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(caller: Socket): void {
    const server = createConnection({ ...this.to, noDelay: true });
    const end = () => {
      caller.destroy();
      server.destroy();
    };
    for (const socket of [caller, server]) {
      this.#open.add(socket);
      socket.on("error", end);
      socket.on("close", () => {
        this.#open.delete(socket);
        end();
      });
    }
    const limit: Limit = { left: undefined };
    server.on("data", (data) => back(data, caller, limit, end));
    this.#forth(caller, server, limit).then(end, end);
  }

  /** Requests of one connection, one after the other, each as a whole or by its chunks. */
  async #forth(caller: Socket, server: Socket, limit: Limit): Promise<void> {
    let buffered = Buffer.alloc(0);
    let body: { left: number } | undefined;
    for await (const data of caller as AsyncIterable<Buffer>) {
      buffered = Buffer.concat([buffered, data]);
      while (buffered.length > 0) {
        if (body !== undefined && body.left > 0) {
          const piece = buffered.subarray(0, body.left);
          buffered = buffered.subarray(piece.length);
          body.left -= piece.length;
          if (this.#breaks(piece.length)) {
            limit.left = 0;
            await new Promise((resolve) => server.once("close", resolve).end(piece)); // it has all
            return;
          }
          server.write(piece);
          continue;
        }
        const end = buffered.indexOf(END_OF_HEAD);
        if (end < 0) {
          break;
        }
        const head = buffered.subarray(0, end + END_OF_HEAD.length);
        buffered = buffered.subarray(head.length);
        body = { left: lengthOf(head.toString("latin1")) };
        await this.#head(head, caller, server, limit, body);
      }
    }
  }

  async #head(
    head: Buffer,
    caller: Socket,
    server: Socket,
    limit: Limit,
    body: { left: number },
  ): Promise<void> {
    const text = head.toString("latin1");
    this.requests.push(text);
    const meddle = this.only(text);
    const answer = meddle ? this.answers.shift() : undefined;
    if (answer !== undefined) {
      body.left = 0; // the callers of these tests send short bodies, in one piece with the head
      caller.end(answer);
      return;
    }
    limit.left = meddle ? this.cuts.shift() : undefined;
    await sleep(this.delay);
    server.write(head);
  }

  #breaks(bytes: number): boolean {
    if (this.cutBodyAfter === undefined) {
      return false;
    }
    this.cutBodyAfter -= bytes;
    if (this.cutBodyAfter > 0) {
      return false;
    }
    this.cutBodyAfter = undefined;
    return true;
  }
}

interface Limit {
  left: number | undefined;
}

function back(data: Buffer, caller: Socket, limit: Limit, end: () => void): void {
  if (limit.left === undefined) {
    caller.write(data);
    return;
  }
  if (limit.left > 0) {
    caller.write(data.subarray(0, limit.left));
    limit.left -= data.length;
    if (limit.left <= 0) {
      caller.end(end);
    }
  }
}

function lengthOf(head: string): number {
  return Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
}

/** An answer of HTTP, after which the connection ends. */
export function answer(status: string, body: string, headers: Record<string, string> = {}): string {
  const lines = [
    `HTTP/1.1 ${status}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}${END_OF_HEAD}${body}`;
}
