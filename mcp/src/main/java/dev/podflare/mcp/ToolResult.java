package dev.podflare.mcp;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a tool gives back.
 *
 * @param content for the model, as {@link Content} makes it
 * @param structured the same for programs, after the tool's output schema
 */
record ToolResult(List<Map<String, Object>> content, Optional<Map<String, Object>> structured) {
  ToolResult {
    content = List.copyOf(content);
  }

  static ToolResult of(String text, Map<String, Object> structured) {
    return new ToolResult(List.of(Content.text(text)), Optional.of(structured));
  }

  Map<String, Object> wire() {
    Map<String, Object> wire = new LinkedHashMap<>();
    wire.put("content", content);
    structured.ifPresent(it -> wire.put("structuredContent", it));
    return wire;
  }
}
