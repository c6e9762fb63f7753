/** What all errors have in common. Programs import them from `podflare` or `podflare/errors`. */

/** The base of all errors of this package. */
export class PodflareError extends Error {
  /** Stable, for programs. */
  readonly code: string;

  constructor(message: string, code = "podflare", options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** What an answer of refusal says. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** The values that the message names. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Seconds after which to try again, if the server said so. */
  readonly retryAfter: number | undefined;
  /** The server's name for the call, to be found in its log. */
  readonly requestId: string | undefined;
  /** The page that says what the code means and what to do, if the server has one. */
  readonly help: string | undefined;
}

/** The server refused a call. Each code has a class of its own in `podflare/errors`. */
export class ApiError extends PodflareError {
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfter: number | undefined;
  readonly requestId: string | undefined;
  readonly help: string | undefined;

  constructor(refusal: Refusal) {
    super(refusal.message, refusal.code);
    this.status = refusal.status;
    this.details = refusal.details;
    this.retryAfter = refusal.retryAfter;
    this.requestId = refusal.requestId;
    this.help = refusal.help;
  }
}

/** The server ended a stream with an error; `code` is the server's. */
export class StreamFailed extends PodflareError {}

/** No connection, or it broke. */
export class Unreachable extends PodflareError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "unreachable", options);
  }
}

/** No connection could be made; the server has seen nothing of the call. */
export class NotConnected extends Unreachable {}

/**
 * The connection broke. Whether the server did what was asked is not known, unless the call can be
 * repeated; those that can were repeated already.
 */
export class ConnectionBroken extends Unreachable {}

/** The server was silent for longer than the deadline. */
export class NoAnswerInTime extends PodflareError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "no_answer_in_time", options);
  }
}

/** The answer was not what the API promises. */
export class BadAnswer extends PodflareError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "bad_answer", options);
  }
}
