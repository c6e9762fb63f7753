/** Where the server is, who asks, and how long to wait. The environment can say all of it. */

export const DEFAULT_HOST = "http://127.0.0.1:8787";
const ADDRESSES = ["PODFLARE_API_URL", "PODFLARE_HOSTD_URL", "PODFLARE_HOST"];
const KEY = "PODFLARE_API_KEY";

/** A WebSocket as browsers have it, and as the package `ws` does. */
export interface SocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
  addEventListener(type: "open" | "error", listener: (event: { message?: string }) => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(
    type: "close",
    listener: (event: { code: number; reason: string }) => void,
  ): void;
}

/** The class `WebSocket` of a browser, of Node 22 and newer, of Bun and Deno, or that of `ws`. */
export type SocketClass = new (url: string, protocols: string[]) => SocketLike;

export interface ClientOptions {
  /**
   * Address of the server; else `PODFLARE_API_URL`, `PODFLARE_HOSTD_URL` or `PODFLARE_HOST`, else
   * `http://127.0.0.1:8787`.
   */
  host?: string | undefined;
  /** Name of a region, which a router serves below `/r/NAME`. */
  region?: string | undefined;
  /** Else `PODFLARE_API_KEY`. */
  apiKey?: string | undefined;
  traceparent?: string | undefined;
  /**
   * For a call that is no stream, with all its repetitions, and for a stream's first byte; also how
   * long a stream that was cut is tried to be joined again. A running stream has no limit. 120.
   */
  timeoutSeconds?: number | undefined;
  /** For the next byte of a stream; the server sends one every 10 s. 30. */
  silenceSeconds?: number | undefined;
  /** How often a call that can be repeated is repeated after a broken connection. 2. */
  retries?: number | undefined;
  /** Most bytes of an execution's stdout, and of its stderr, that a result keeps. 64 MiB. */
  maxOutputBytes?: number | undefined;
  /** In the place of the platform's, to go through a proxy for example. */
  fetch?: typeof fetch | undefined;
  /** For terminals, in the place of the platform's; Node 20 has none and takes the package `ws`. */
  webSocket?: SocketClass | undefined;
}

/** Settings of a client, complete. Times are milliseconds. */
export interface Config {
  readonly host: string;
  readonly apiKey: string | undefined;
  readonly traceparent: string | undefined;
  readonly timeout: number;
  readonly silence: number;
  readonly retries: number;
  readonly maxOutputBytes: number;
  readonly fetch: typeof fetch;
  readonly webSocket: SocketClass | undefined;
}

export function configOf(options: ClientOptions): Config {
  return {
    host: findHost(options.host, options.region),
    apiKey: findKey(options.apiKey),
    traceparent: options.traceparent,
    timeout: 1000 * (options.timeoutSeconds ?? 120),
    silence: 1000 * (options.silenceSeconds ?? 30),
    retries: options.retries ?? 2,
    maxOutputBytes: options.maxOutputBytes ?? 64 << 20,
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    webSocket: options.webSocket,
  };
}

export function headersOf(config: Config): Record<string, string> {
  const headers: Record<string, string> = {};
  if (config.apiKey !== undefined) {
    headers.Authorization = `Bearer ${config.apiKey}`;
  }
  if (config.traceparent !== undefined) {
    headers.traceparent = config.traceparent;
  }
  return headers;
}

/** The given address, else the first of the environment's that is set, else this machine. */
export function findHost(host?: string, region?: string): string {
  const found = [host, ...ADDRESSES.map(variable)].find((text) => text?.trim()) ?? DEFAULT_HOST;
  const text = found.trim();
  const address = text.includes("://") ? text : `http://${text}`;
  if (!/^https?:\/\//.test(address) || !URL.canParse(address)) {
    throw new TypeError(`not the address of a server: "${text}"; write http://HOST:PORT`);
  }
  const base = address.replace(/\/+$/, "");
  return region === undefined || host ? base : `${base}/r/${encodeURIComponent(region.trim())}`;
}

export function findKey(apiKey?: string): string | undefined {
  return (apiKey || variable(KEY) || "").trim() || undefined;
}

/** A variable of the environment, where there is one. */
function variable(name: string): string | undefined {
  const host = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return host.process?.env?.[name];
}
