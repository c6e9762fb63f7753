package dev.podflare.mcp;

import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/** What is in a resource, in the protocol's form. */
final class ResourceContents {
  private ResourceContents() {}

  static Map<String, Object> text(String uri, String mime, String text) {
    return of(uri, mime, "text", text);
  }

  static Map<String, Object> bytes(String uri, String mime, byte[] bytes) {
    return base64(uri, mime, Base64.getEncoder().encodeToString(bytes));
  }

  static Map<String, Object> base64(String uri, String mime, String base64) {
    return of(uri, mime, "blob", base64);
  }

  private static Map<String, Object> of(String uri, String mime, String name, String value) {
    Map<String, Object> contents = new LinkedHashMap<>();
    contents.put("uri", uri);
    contents.put("mimeType", mime);
    contents.put(name, value);
    return contents;
  }
}
