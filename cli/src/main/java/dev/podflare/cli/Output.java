package dev.podflare.cli;

import java.io.PrintWriter;
import java.util.function.Supplier;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** What programs read: the wire's JSON, indented. Thread-safe. */
final class Output {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private Output() {}

  /** For a program or for people. */
  static void list(PrintWriter out, boolean json, Object value, Supplier<Table> table) {
    if (json) {
      json(out, value);
    } else {
      table.get().print(out);
    }
  }

  static void json(PrintWriter out, Object value) {
    out.println(MAPPER.writeValueAsString(value));
    out.flush();
  }
}
