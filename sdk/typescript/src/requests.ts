/** Requests of the API, as descriptions. */

export type Content = BodyInit | (() => BodyInit);
export type Params = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** One call of the API. */
export interface Request {
  readonly method: string;
  /** Below the server's address; its parts are encoded. */
  readonly path: string;
  readonly json?: unknown;
  /** A body that is no JSON; a function makes it anew for each attempt. */
  readonly content?: Content;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds for the whole call; else the client's. */
  readonly timeout?: number;
  /** Whether doing it twice is as doing it once. */
  readonly repeatable?: boolean;
  /** Whether its content can be read only once, so that nothing is ever sent again. */
  readonly once?: boolean;
  /** Ends the call, with its reason as the error. */
  readonly signal?: AbortSignal | undefined;
}

export function get(path: string, params?: Params): Request {
  return { method: "GET", path: path + query(params), repeatable: true };
}

export function remove(path: string, params?: Params): Request {
  return { method: "DELETE", path: path + query(params), repeatable: true };
}

export function put(path: string, json: unknown): Request {
  return { method: "PUT", path, json, repeatable: true };
}

export function patch(path: string, json: unknown): Request {
  return { method: "PATCH", path, json };
}

export function post(path: string, json: unknown, repeatable = false): Request {
  return { method: "POST", path, json, repeatable };
}

/** A POST that is done once however often it is sent, thanks to its key. */
export function create(path: string, json: unknown): Request {
  const headers = { "Idempotency-Key": crypto.randomUUID() };
  return { method: "POST", path, json, headers, repeatable: true };
}

/** Text as a part of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

/** Parameters after `?`; those that are undefined are left out, lists are repeated. */
export function query(params: Params = {}): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) {
        pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(String(one))}`);
      }
    }
  }
  return pairs.length > 0 ? `?${pairs.join("&")}` : "";
}
