package dev.podflare.guest;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A value that Python code showed.
 *
 * @param data its forms: mime type to text; binary ones are base64, JSON ones JSON text, as far as
 *     the guest is to be believed
 * @param displayId names a display that later ones update
 */
public record GuestValue(Kind kind, Map<String, String> data, Optional<String> displayId) {
  /** What happened. */
  public enum Kind {
    /** The call ended with this expression. */
    VALUE,
    /** It was displayed on the way. */
    DISPLAY,
    /** It takes the place of a display. */
    UPDATE,
    /** All that was displayed is to be cleared; with {@code wait}, once there is something else. */
    CLEAR,
    /** The call ended with this exception: name, value and frames, as {@code application/json}. */
    EXCEPTION
  }

  public GuestValue {
    data = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(data));
  }

  /** The value of a last expression. */
  static GuestValue last(Map<String, String> data) {
    return new GuestValue(Kind.VALUE, data, Optional.empty());
  }
}
