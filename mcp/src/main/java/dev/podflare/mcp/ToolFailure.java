package dev.podflare.mcp;

import dev.podflare.common.ErrorCode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A tool could not do it; the model hears of it and may mend it. */
final class ToolFailure extends RuntimeException {
  /** Where programs find code and details; a structured answer would have to keep to the schema. */
  static final String META = "dev.podflare/error";

  private static final long serialVersionUID = 1L;

  private final String code;
  private final transient Map<String, Object> details;

  ToolFailure(String code, String sentence, Map<String, Object> details) {
    super(sentence);
    this.code = code;
    this.details = details;
  }

  static ToolFailure badArgument(String sentence) {
    return new ToolFailure(ErrorCode.INVALID_FIELD.wireName(), sentence, Map.of());
  }

  Map<String, Object> wire() {
    Map<String, Object> error = new LinkedHashMap<>();
    error.put("code", code);
    error.put("error", String.valueOf(getMessage()));
    error.put("details", details);
    Map<String, Object> wire = new LinkedHashMap<>();
    wire.put("content", List.of(Content.text("error: " + getMessage() + " [" + code + "]")));
    wire.put("isError", true);
    wire.put("_meta", Map.of(META, error));
    return wire;
  }
}
