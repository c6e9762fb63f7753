package dev.podflare.client;

import dev.podflare.common.ErrorCode;
import java.net.URI;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The one error of the SDK: the server refused, or no usable answer came. Codes are those of the
 * wire API, kept as text so that a code of a newer server survives, plus some of the SDK's own:
 * {@link #UNREACHABLE}, {@link #NO_ANSWER_IN_TIME}, {@link #BAD_ANSWER} and {@link
 * #LOCAL_PORT_TAKEN}.
 */
public final class ApiException extends RuntimeException {
  /** No connection, or it broke. */
  public static final String UNREACHABLE = "unreachable";

  /** The server was silent for longer than the deadline. */
  public static final String NO_ANSWER_IN_TIME = "no_answer_in_time";

  /** The answer was not what the API promises. */
  public static final String BAD_ANSWER = "bad_answer";

  /** A port of this machine cannot be listened on. */
  public static final String LOCAL_PORT_TAKEN = "local_port_taken";

  private static final long serialVersionUID = 1L;

  private final int status;
  private final String code;
  private final transient Map<String, Object> details;
  private final @Nullable Duration retryAfter;
  private final @Nullable URI help;

  ApiException(
      int status,
      String code,
      String message,
      Map<String, Object> details,
      @Nullable Duration retryAfter,
      @Nullable URI help,
      @Nullable Throwable cause) {
    super(message, cause);
    this.status = status;
    this.code = code;
    this.details = Map.copyOf(details);
    this.retryAfter = retryAfter;
    this.help = help;
  }

  static ApiException own(String code, String message, @Nullable Throwable cause) {
    return new ApiException(0, code, message, Map.of(), null, null, cause);
  }

  /** HTTP status; 0 when no answer came. */
  public int status() {
    return status;
  }

  /** Stable name, for example {@code sandbox_not_found}. */
  public String code() {
    return code;
  }

  /** The code as this version knows it; empty for codes of newer servers and of the SDK. */
  public Optional<ErrorCode> knownCode() {
    return Arrays.stream(ErrorCode.values()).filter(it -> it.wireName().equals(code)).findFirst();
  }

  /** The values that the message names, for programs. */
  public Map<String, Object> details() {
    return details;
  }

  /** When to try again, if the server said so. */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }

  /** The page that says what the code means and what to do, if the server has one. */
  public Optional<URI> help() {
    return Optional.ofNullable(help);
  }

  /** The sentence, and where its page is. */
  @Override
  public String getMessage() {
    return sentence() + help().map(it -> " (see " + it + ")").orElse("");
  }

  /** What went wrong, for people. */
  public String sentence() {
    String message = super.getMessage();
    return message == null ? code : message;
  }
}
