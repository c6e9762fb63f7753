package dev.podflare.store;

import java.util.List;
import java.util.Map;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** Maps and lists of strings as JSON text in a column. Thread-safe. */
final class JsonText {
  private static final JsonMapper MAPPER = JsonMapper.shared();
  private static final TypeReference<Map<String, String>> MAP = new TypeReference<>() {};
  private static final TypeReference<List<String>> LIST = new TypeReference<>() {};

  private JsonText() {}

  static String of(Map<String, String> map) {
    return map.isEmpty() ? "{}" : MAPPER.writeValueAsString(map);
  }

  static String of(List<String> list) {
    return list.isEmpty() ? "[]" : MAPPER.writeValueAsString(list);
  }

  static Map<String, String> map(String text) {
    return text.equals("{}") ? Map.of() : MAPPER.readValue(text, MAP);
  }

  static List<String> list(String text) {
    return text.equals("[]") ? List.of() : MAPPER.readValue(text, LIST);
  }
}
