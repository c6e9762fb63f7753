package dev.podflare.mcp;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A piece of what a tool gives back, in the protocol's form. */
final class Content {
  private Content() {}

  static Map<String, Object> text(String text) {
    return of("text", "text", text);
  }

  /** {@code type}: {@code image} or {@code audio}. */
  static Map<String, Object> media(String type, String base64, String mime) {
    Map<String, Object> content = of(type, "data", base64);
    content.put("mimeType", mime);
    return content;
  }

  /** {@code contents}: as {@link ResourceContents} makes them. */
  static Map<String, Object> resource(Map<String, Object> contents) {
    return of("resource", "resource", contents);
  }

  /** A resource that can be read; it is not in the answer itself. */
  static Map<String, Object> link(String uri, String name, String mime) {
    Map<String, Object> content = of("resource_link", "uri", uri);
    content.put("name", name);
    content.put("mimeType", mime);
    return content;
  }

  /** The pieces of a result in its wire form. */
  @SuppressWarnings("unchecked") // made by this package
  static List<Map<String, Object>> all(Map<String, Object> wire) {
    return (List<Map<String, Object>>) wire.getOrDefault("content", List.of());
  }

  /** Empty if it is none. */
  static Optional<ToolBox.Picture> picture(Map<String, Object> piece) {
    return "image".equals(piece.get("type"))
        ? Optional.of(
            new ToolBox.Picture(
                String.valueOf(piece.get("mimeType")), String.valueOf(piece.get("data"))))
        : Optional.empty();
  }

  /** Any other piece for a model that takes text alone. */
  static String shown(Map<String, Object> piece) {
    return "text".equals(piece.get("type"))
        ? String.valueOf(piece.get("text"))
        : Json.MAPPER.writeValueAsString(piece);
  }

  private static Map<String, Object> of(String type, String name, Object value) {
    Map<String, Object> content = new LinkedHashMap<>();
    content.put("type", type);
    content.put(name, value);
    return content;
  }
}
