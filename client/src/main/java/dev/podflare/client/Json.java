package dev.podflare.client;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** The wire's JSON: snake_case, unknown fields ignored, missing numbers zero. Thread-safe. */
final class Json {
  static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();

  private Json() {}

  static byte[] bytes(Object value) {
    return MAPPER.writeValueAsBytes(value);
  }

  /** Reads an answer; {@code BAD_ANSWER} if it is not of that form. */
  static <T> T read(byte[] bytes, Class<T> type) {
    try {
      T value = MAPPER.readValue(bytes, type);
      if (value == null) {
        throw ApiException.own(ApiException.BAD_ANSWER, "the server answered null", null);
      }
      return value;
    } catch (JacksonException malformed) {
      throw ApiException.own(
          ApiException.BAD_ANSWER,
          "the server's answer is no " + type.getSimpleName() + ": " + start(bytes),
          malformed);
    }
  }

  static JsonNode tree(byte[] bytes) {
    return read(bytes, JsonNode.class);
  }

  private static String start(byte[] bytes) {
    String text =
        new String(bytes, 0, Math.min(bytes.length, 200), java.nio.charset.StandardCharsets.UTF_8);
    return bytes.length > 200 ? text + "…" : text;
  }
}
