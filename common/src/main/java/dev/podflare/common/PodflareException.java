package dev.podflare.common;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The one unchecked error of Podflare. The message is a sentence for people that names the values
 * and, where it can, the fix; {@link #details()} are the same values for programs.
 */
public final class PodflareException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;
  private final transient Map<String, Object> details;

  public PodflareException(ErrorCode code, String message) {
    this(code, message, Map.of(), null);
  }

  public PodflareException(ErrorCode code, String message, Map<String, Object> details) {
    this(code, message, details, null);
  }

  public PodflareException(ErrorCode code, String message, @Nullable Throwable cause) {
    this(code, message, Map.of(), cause);
  }

  public PodflareException(
      ErrorCode code, String message, Map<String, Object> details, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
    this.details = Map.copyOf(details);
  }

  public ErrorCode code() {
    return code;
  }

  public Map<String, Object> details() {
    return details;
  }

  /** Message of the exception; never null, unlike {@link #getMessage()} to the compiler. */
  public String sentence() {
    String message = getMessage();
    return message == null ? code.wireName() : message;
  }
}
