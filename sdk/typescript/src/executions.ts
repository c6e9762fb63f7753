/** Runs code in one sandbox and follows its events. */

import { type Bytes, toBase64, utf8 } from "./bytes.js";
import { BadAnswer, ConnectionBroken } from "./failures.js";
import { ExecutionFold, isExecEvent, Objects, Sequence } from "./folds.js";
import type { JoinOptions } from "./options.js";
import { JoinPatience, sleep } from "./patience.js";
import { excerpt, isObject, wire } from "./records.js";
import { get, post, type Request, segment } from "./requests.js";
import { type AnyEvent, type ExecEvent, type ExecResult, parseEvent } from "./results.js";
import type { Body, Transport } from "./transport.js";
import { type ExecutionInfo, executionInfo } from "./types.js";

const CANCEL_MILLIS = 5000;

/**
 * Events of one stream, each once. A connection that breaks is made again and goes on after the last
 * event; what the server did not keep meanwhile counts as missed.
 */
export class EventStream {
  readonly sequence: Sequence;
  readonly #transport: Transport;
  readonly #again: ((fromSeq: number) => Request) | undefined;
  readonly #signal: AbortSignal | undefined;
  #body: Body | undefined;

  /** `again`: the request that goes on at a number; without one a cut is an error. */
  constructor(
    transport: Transport,
    again: ((fromSeq: number) => Request) | undefined,
    options: { body?: Body; fromSeq?: number | undefined; signal?: AbortSignal | undefined },
  ) {
    this.#transport = transport;
    this.#again = again;
    this.#body = options.body;
    this.#signal = options.signal;
    this.sequence = new Sequence(options.fromSeq);
  }

  /** `whole`: the stream ends with an `exit`; else where the server ends it. */
  async *events(whole = true): AsyncGenerator<AnyEvent, void, undefined> {
    const patience = new JoinPatience(this.#transport.config.timeout);
    try {
      while (true) {
        try {
          yield* this.#connection(patience);
          if (this.sequence.ended || !whole) {
            return;
          }
          throw new ConnectionBroken("the stream ended before its last event");
        } catch (cut) {
          const pause = this.#again === undefined ? undefined : patience.pause(cut);
          if (pause === undefined || this.#signal?.aborted) {
            throw cut;
          }
          await this.close();
          await sleep(pause, this.#signal);
        }
      }
    } finally {
      await this.close();
    }
  }

  /** What one connection has, to its end. */
  async *#connection(patience: JoinPatience): AsyncGenerator<AnyEvent, void, undefined> {
    const body = await this.#connected();
    const objects = new Objects();
    for (let data = await body.chunk(); data !== undefined; data = await body.chunk()) {
      patience.heard(false);
      for (const line of objects.feed(data)) {
        const event = parseEvent(line);
        if (this.sequence.take(event)) {
          patience.heard(true);
          if (this.sequence.ended) {
            await body.drain();
          }
          if (event.type !== null) {
            yield event;
          }
        }
        if (this.sequence.ended) {
          return;
        }
      }
    }
  }

  async #connected(): Promise<Body> {
    if (this.#body === undefined) {
      if (this.#again === undefined) {
        throw new BadAnswer("the answer has no X-Exec-Id, by which it could be joined");
      }
      const request = this.#again(this.sequence.next);
      this.#body = await this.#transport.open({
        ...request,
        repeatable: false, // by the patience of this stream
        signal: this.#signal,
      });
    }
    return this.#body;
  }

  async close(): Promise<void> {
    const body = this.#body;
    this.#body = undefined;
    await body?.close();
  }
}

/** The executions of one sandbox. */
export class Executions {
  constructor(
    private readonly transport: Transport,
    private readonly path: string,
  ) {}

  async run(body: object, options: Omit<JoinOptions, "fromSeq">): Promise<ExecResult> {
    const { stream, execId } = await this.#open(body, options.signal);
    try {
      return await this.#finish(stream, execId, options);
    } catch (stopped) {
      if (options.signal?.aborted) {
        await this.cancel(execId, CANCEL_MILLIS).catch(() => {});
      }
      throw stopped;
    }
  }

  async *stream(body: object, signal?: AbortSignal): AsyncGenerator<ExecEvent, void, undefined> {
    const { stream } = await this.#open(body, signal);
    yield* known(stream);
  }

  async join(execId: string, options: JoinOptions): Promise<ExecResult> {
    return await this.#finish(this.#joined(execId, options), execId, options);
  }

  async *joinStream(
    execId: string,
    options: JoinOptions,
  ): AsyncGenerator<ExecEvent, void, undefined> {
    yield* known(this.#joined(execId, options));
  }

  async start(body: object): Promise<string> {
    const answer = await this.transport.call(
      post(`${this.path}/exec`, { ...body, background: true }),
    );
    if (!isObject(answer) || typeof answer.exec_id !== "string") {
      throw new BadAnswer(`no exec_id in the answer: ${excerpt(answer)}`);
    }
    return answer.exec_id;
  }

  async all(): Promise<ExecutionInfo[]> {
    return executionInfo.readAll(await this.transport.call(get(`${this.path}/execs`)), "execs");
  }

  async info(execId: string): Promise<ExecutionInfo> {
    return executionInfo.read(await this.transport.call(get(this.#one(execId))));
  }

  async cancel(execId: string, timeout = this.transport.config.timeout): Promise<void> {
    const request = post(`${this.#one(execId)}/cancel`, {}, true);
    await this.transport.call({ ...request, timeout });
  }

  async writeStdin(execId: string, data: string | Bytes, eof: boolean): Promise<void> {
    const raw = typeof data === "string" ? utf8(data) : data;
    const body = wire({
      dataB64: raw.length > 0 ? toBase64(raw) : undefined,
      eof: eof || undefined,
    });
    await this.transport.call(post(`${this.#one(execId)}/stdin`, body));
  }

  async replay(): Promise<ExecEvent[]> {
    const body = await this.transport.open(get(`${this.path}/replay`));
    const objects = new Objects();
    const events: ExecEvent[] = [];
    try {
      for (let data = await body.chunk(); data !== undefined; data = await body.chunk()) {
        events.push(...objects.feed(data).map(parseEvent).filter(isExecEvent));
      }
    } finally {
      await body.close();
    }
    return events;
  }

  async #open(body: object, signal: AbortSignal | undefined) {
    const request = { ...post(`${this.path}/exec`, body), signal };
    const answer = await this.transport.open(request);
    const execId = answer.headers.get("X-Exec-Id") ?? "";
    const again = execId === "" ? undefined : this.#again(execId);
    return { execId, stream: new EventStream(this.transport, again, { body: answer, signal }) };
  }

  #joined(execId: string, options: JoinOptions): EventStream {
    return new EventStream(this.transport, this.#again(execId), options);
  }

  #again(execId: string): (fromSeq: number) => Request {
    return (fromSeq) => get(`${this.#one(execId)}/stream`, { from_seq: fromSeq });
  }

  async #finish(
    stream: EventStream,
    execId: string,
    { onEvent }: Pick<JoinOptions, "onEvent">,
  ): Promise<ExecResult> {
    const fold = new ExecutionFold(this.transport.config.maxOutputBytes, execId);
    for await (const event of known(stream)) {
      fold.take(event);
      onEvent?.(event);
    }
    const result = fold.result(stream.sequence.missed);
    if (result === null) {
      throw new BadAnswer("the events ended without an exit");
    }
    return result;
  }

  #one(execId: string): string {
    return `${this.path}/execs/${segment(execId)}`;
  }
}

async function* known(stream: EventStream): AsyncGenerator<ExecEvent, void, undefined> {
  for await (const event of stream.events()) {
    if (isExecEvent(event)) {
      yield event;
    }
  }
}
