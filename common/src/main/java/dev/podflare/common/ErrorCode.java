package dev.podflare.common;

import java.util.Locale;

/**
 * Every way in which Podflare refuses or fails. The code alone decides the HTTP status, the exit
 * code of the command line and the metric label. Names are stable: they are part of the wire API.
 */
public enum ErrorCode {
  BAD_REQUEST(400),
  INVALID_JSON(400),
  INVALID_FIELD(400),
  UNKNOWN_POLICY_FIELD(400),
  LANGUAGE_NOT_AVAILABLE(400),
  INVALID_CONFIG(400),
  INVALID_RECIPE(400),
  MISSING_AUTHORIZATION(401),
  INVALID_API_KEY(401),
  INVALID_LINK(401),
  FORBIDDEN(403),
  ROUTE_NOT_FOUND(404),
  SANDBOX_NOT_FOUND(404),
  EXEC_NOT_FOUND(404),
  PTY_NOT_FOUND(404),
  TEMPLATE_NOT_FOUND(404),
  SPACE_NOT_FOUND(404),
  SNAPSHOT_NOT_FOUND(404),
  KEY_NOT_FOUND(404),
  WEBHOOK_NOT_FOUND(404),
  CHECKPOINT_NOT_FOUND(404),
  CONTEXT_NOT_FOUND(404),
  METHOD_NOT_ALLOWED(405),
  REQUEST_TIMEOUT(408),
  WRONG_STATE(409),
  IDEMPOTENCY_CONFLICT(409),
  SNAPSHOT_EXISTS(409),
  CHECKPOINT_UNFIT(409),
  STDIN_CLOSED(409),
  GUEST_TOO_OLD(409),
  NOTHING_TO_UNDO(409),
  PTY_CLOSED(409),
  GONE(410),
  EVENTS_GONE(410),
  PAYLOAD_TOO_LARGE(413),
  URI_TOO_LONG(414),
  UNSUPPORTED_MEDIA_TYPE(415),
  WRONG_NODE(421),
  EXEC_QUEUE_FULL(429),
  TOO_MANY_PTYS(429),
  TOO_MANY_SANDBOXES(429),
  TOO_MUCH_MEMORY(429),
  TOO_MUCH_STORED(429),
  RATE_LIMITED(429),
  TOO_MANY_CONNECTIONS(429),
  TOO_MANY_WEBHOOKS(429),
  TOO_MANY_CONTEXTS(429),
  HEADERS_TOO_LARGE(431),
  INTERNAL(500),
  MACHINE_FAILED(500),
  BUILD_FAILED(500),
  CHECKPOINT_CORRUPT(500),
  STORE_DENIED(500),
  NOT_AVAILABLE_YET(501),
  PORT_NOT_LISTENING(502),
  BAD_GUEST_ANSWER(502),
  HOST_FULL(503),
  HOST_NOT_READY(503),
  SHAPE_PREPARING(503),
  TEMPLATE_NOT_BUILT(503),
  STORE_UNAVAILABLE(503),
  STORE_FULL(503),
  RECORDS_UNAVAILABLE(503),
  SHUTTING_DOWN(503),
  TIMED_OUT(504);

  private final int httpStatus;

  ErrorCode(int httpStatus) {
    this.httpStatus = httpStatus;
  }

  public int httpStatus() {
    return httpStatus;
  }

  /** Name on the wire, for example {@code sandbox_not_found}. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Exit code of the command line: 2 when the caller can mend it, 1 when we failed. */
  public int exitCode() {
    return httpStatus < 500 ? 2 : 1;
  }
}
