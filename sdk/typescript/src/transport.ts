/** Sends requests, repeats what can be repeated, and turns whatever goes wrong into errors. */

import { type Bytes, joined, textOf } from "./bytes.js";
import { type Config, headersOf } from "./config.js";
import { BadAnswer, NoAnswerInTime } from "./failures.js";
import { failure, LONGEST_TIMER, now, Patience, refusal, sleep } from "./patience.js";
import type { Request } from "./requests.js";

const MAX_ANSWER_BYTES = 64 << 20;
const DRAIN_MILLIS = 5000;

/** An answer whose body is still to come. To be closed. */
export class Body {
  readonly headers: Headers;
  readonly status: number;
  readonly #reader: ReadableStreamDefaultReader<Bytes> | undefined;
  readonly #attempt: Attempt;
  #ended = false;

  constructor(response: Response, attempt: Attempt) {
    this.headers = response.headers;
    this.status = response.status;
    this.#reader = response.body?.getReader() as ReadableStreamDefaultReader<Bytes> | undefined;
    this.#attempt = attempt;
  }

  /** The next bytes; undefined at the end. */
  async chunk(): Promise<Bytes | undefined> {
    const reader = this.#reader;
    if (reader === undefined || this.#ended) {
      return undefined;
    }
    const { done, value } = await this.#attempt.within(() => reader.read());
    this.#ended = done;
    return value;
  }

  async whole(patience: Patience): Promise<Bytes> {
    const pieces: Bytes[] = [];
    let size = 0;
    for (let piece = await this.chunk(); piece !== undefined; piece = await this.chunk()) {
      pieces.push(piece);
      size += piece.length;
      if (size > MAX_ANSWER_BYTES) {
        throw new BadAnswer(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
      }
      if (patience.over()) {
        throw new NoAnswerInTime(`${this.#attempt.host} takes too long to answer`);
      }
    }
    return joined(pieces);
  }

  /** Reads what is left, which is next to nothing, so that the connection stays usable. */
  async drain(): Promise<void> {
    const end = now() + DRAIN_MILLIS;
    try {
      while ((await this.chunk()) !== undefined && now() < end) {}
    } catch {
      return;
    }
  }

  async close(): Promise<void> {
    this.#attempt.done();
    if (!this.#ended) {
      this.#ended = true;
      await this.#reader?.cancel().catch(() => {});
    }
  }
}

/** One sending of a request: what stops it, and what its failures are. */
class Attempt {
  readonly #controller = new AbortController();
  readonly #stop = () => this.#controller.abort();
  #silent = false;

  constructor(
    readonly host: string,
    private readonly silence: number,
    private readonly outer: AbortSignal | undefined,
  ) {
    outer?.throwIfAborted();
    outer?.addEventListener("abort", this.#stop, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Does something that must not take longer than the server may be silent. */
  async within<T>(act: () => Promise<T>): Promise<T> {
    const timer = setTimeout(
      () => {
        this.#silent = true;
        this.#controller.abort();
      },
      Math.min(this.silence, LONGEST_TIMER),
    );
    try {
      return await act();
    } catch (broken) {
      throw this.#failure(broken);
    } finally {
      clearTimeout(timer);
    }
  }

  done(): void {
    this.outer?.removeEventListener("abort", this.#stop);
  }

  #failure(broken: unknown): unknown {
    this.done();
    if (this.outer?.aborted) {
      return this.outer.reason;
    }
    if (this.#silent) {
      return new NoAnswerInTime(`${this.host} is silent`, { cause: broken });
    }
    return failure(broken, this.host);
  }
}

/** Calls to one server. Safe for any number of calls at once; connections are the platform's. */
export class Transport {
  readonly #config: Config; // has the key, which must not show where a sandbox is printed
  readonly #headers: Readonly<Record<string, string>>;

  constructor(config: Config) {
    this.#config = config;
    this.#headers = { "Accept-Encoding": "identity", ...headersOf(config) };
  }

  get config(): Config {
    return this.#config;
  }

  /** The same, for another address of the service. */
  at(host: string): Transport {
    return host === this.config.host ? this : new Transport({ ...this.config, host });
  }

  /** Does a call to its end and returns the JSON of its answer; undefined if it is empty. */
  async call(request: Request): Promise<unknown> {
    return await this.#repeated(request, async (patience) => {
      const silence = Math.min(patience.remaining(), request.timeout ?? this.config.timeout);
      const body = await this.#send(request, patience, silence);
      try {
        return parse(await body.whole(patience));
      } finally {
        await body.close();
      }
    });
  }

  /** Begins a stream; the caller closes it. */
  async open(request: Request): Promise<Body> {
    return await this.#repeated(request, (patience) =>
      this.#send(request, patience, this.config.silence),
    );
  }

  async #repeated<T>(request: Request, act: (patience: Patience) => Promise<T>): Promise<T> {
    const patience = new Patience(request.timeout ?? this.config.timeout, this.config.retries);
    while (true) {
      try {
        return await act(patience);
      } catch (error) {
        const pause = patience.pause(error, request.repeatable ?? false);
        if (pause === undefined || request.once) {
          throw error;
        }
        await sleep(pause, request.signal);
      }
    }
  }

  async #send(request: Request, patience: Patience, silence: number): Promise<Body> {
    const attempt = new Attempt(this.config.host, silence, request.signal);
    const url = this.config.host + request.path;
    const init = this.#init(request, attempt.signal);
    const body = new Body(await attempt.within(() => this.config.fetch(url, init)), attempt);
    if (body.status >= 200 && body.status < 300) {
      return body;
    }
    try {
      throw refusal(url, body.status, body.headers, textOf(await body.whole(patience)));
    } finally {
      await body.close();
    }
  }

  #init(request: Request, signal: AbortSignal): RequestInit {
    const headers: Record<string, string> = { ...this.#headers, ...request.headers };
    const init: RequestInit & { duplex?: "half" } = {
      method: request.method,
      headers,
      redirect: "manual",
      signal,
    };
    if (request.json !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(request.json);
    } else if (request.content !== undefined) {
      const { content } = request;
      init.body = typeof content === "function" ? content() : content;
      init.duplex = "half"; // what the standard asks for where the body is a stream
    }
    return init;
  }
}

function parse(body: Bytes): unknown {
  if (body.length === 0) {
    return undefined;
  }
  const text = textOf(body);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
