/** Refusals, and when to ask again. Nothing here touches a connection. Times are milliseconds. */

import { BY_CODE } from "./errors.js";
import {
  ApiError,
  ConnectionBroken,
  NoAnswerInTime,
  NotConnected,
  Unreachable,
} from "./failures.js";
import { isObject } from "./records.js";

/** What timers of platforms can count; a longer one would end at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;
const LONGEST_PAUSE = 5000;
const FIRST_PAUSE = 100;

// Waiting helps against these. Others with the same status say that a quota is used up, or that an
// operator has to do something.
const PASSING = new Set([
  "rate_limited",
  "too_many_file_calls",
  "host_full",
  "host_not_ready",
  "shape_preparing",
  "store_unavailable",
  "records_unavailable",
  "transfer_cut",
  "shutting_down",
]);

// What Node, Bun and Deno call it when there is no connection.
const NO_CONNECTION =
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket|connection refused|tcp connect error|dns error|bad port/i;

/**
 * The error of an answer that is none of success; filled up where a server in between answered
 * something else.
 */
export function refusal(address: string, status: number, headers: Headers, body: string): ApiError {
  const data = parsed(body);
  const code = typeof data.code === "string" ? data.code : `http_${status}`;
  const message = data.error;
  const kind = Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined;
  return new (kind ?? ApiError)({
    status,
    code,
    message: typeof message === "string" && message ? message : `the server answered ${status}`,
    details: isObject(data.details) ? data.details : {},
    retryAfter: retryAfter(headers),
    requestId: headers.get("X-Request-Id") ?? undefined,
    help: page(address, data.help),
  });
}

/** A page of the server that was asked, or one on the web. */
function page(asked: string, reference: unknown): string | undefined {
  if (typeof reference !== "string" || !URL.canParse(reference, asked)) {
    return undefined;
  }
  const url = new URL(reference, asked);
  return /^https?:$/.test(url.protocol) ? url.href : undefined;
}

function parsed(body: string): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(body);
    return isObject(data) ? data : {};
  } catch {
    return {};
  }
}

/** Seconds. */
function retryAfter(headers: Headers): number | undefined {
  const text = headers.get("Retry-After")?.trim() ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The error of a connection that could not be made or broke. */
export function failure(broken: unknown, host: string): Unreachable {
  const cause = broken instanceof Error ? (broken.cause ?? broken) : broken;
  const { code, message } = cause as { code?: unknown; message?: unknown };
  const reason = String(message || code || broken);
  if (NO_CONNECTION.test(`${String(code)} ${reason} ${String((broken as Error).message)}`)) {
    return new NotConnected(`no server at ${host} (${reason}); is it running?`, { cause: broken });
  }
  return new ConnectionBroken(`the connection to ${host} broke: ${reason}`, { cause: broken });
}

/** Decides whether and when to ask again. One for each call. */
export class Patience {
  protected end: number;
  #left: number;
  #pause = FIRST_PAUSE;

  constructor(
    protected readonly time: number,
    retries: number,
  ) {
    this.end = now() + time;
    this.#left = retries;
  }

  remaining(): number {
    return Math.max(1, this.end - now());
  }

  over(): boolean {
    return now() > this.end;
  }

  /** After which to ask again; undefined to give up. */
  pause(error: unknown, repeatable: boolean): number | undefined {
    if (!repeatable && !(error instanceof NotConnected)) {
      return undefined; // else the server has seen nothing of it
    }
    if (error instanceof ApiError) {
      return passing(error) ? this.within(this.asked(error)) : undefined;
    }
    if (error instanceof Unreachable && this.#left > 0) {
      this.#left--;
      return this.within(this.backoff());
    }
    return undefined;
  }

  protected asked(error: ApiError): number {
    return error.retryAfter === undefined ? this.backoff() : 1000 * error.retryAfter;
  }

  protected within(pause: number): number | undefined {
    return now() + pause < this.end ? pause : undefined;
  }

  protected backoff(): number {
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, LONGEST_PAUSE);
    return pause;
  }

  protected calm(): void {
    this.#pause = FIRST_PAUSE;
  }
}

/**
 * For a stream that was cut: however often, until the time is up, as a daemon that starts anew takes
 * its time. What came meanwhile starts the time again.
 */
export class JoinPatience extends Patience {
  constructor(time: number) {
    super(time, 0);
  }

  /** Something came; with progress it also was what is waited for. */
  heard(progress: boolean): void {
    this.end = now() + this.time;
    if (progress) {
      this.calm();
    }
  }

  override pause(error: unknown): number | undefined {
    if (error instanceof ApiError) {
      const helps = passing(error) || error.status === 502 || error.status === 504;
      return helps ? this.within(this.asked(error)) : undefined;
    }
    const cut = error instanceof Unreachable || error instanceof NoAnswerInTime;
    return cut ? this.within(this.backoff()) : undefined;
  }
}

/** Whether waiting helps; of a server in between, any that says so. */
function passing(error: ApiError): boolean {
  if (error.status !== 429 && error.status !== 503) {
    return false;
  }
  return PASSING.has(error.code) || !Object.hasOwn(BY_CODE, error.code);
}

export function now(): number {
  return performance.now();
}

/** Waits; an abort ends it with its reason. */
export function sleep(time: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, time);
    if (signal?.aborted) {
      stop();
    } else {
      signal?.addEventListener("abort", stop, { once: true });
    }
  });
}
