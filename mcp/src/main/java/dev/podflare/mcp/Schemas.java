package dev.podflare.mcp;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON schemas of arguments and structured answers. */
final class Schemas {
  private Schemas() {}

  /** A field of an object. */
  record Field(String name, Map<String, Object> schema, boolean required) {
    Field optional() {
      return new Field(name, schema, false);
    }
  }

  static Map<String, Object> object(Field... fields) {
    Map<String, Object> properties = new LinkedHashMap<>();
    for (Field field : fields) {
      properties.put(field.name(), field.schema());
    }
    Map<String, Object> schema = new LinkedHashMap<>();
    schema.put("type", "object");
    schema.put("properties", properties);
    List<String> required = Arrays.stream(fields).filter(Field::required).map(Field::name).toList();
    if (!required.isEmpty()) {
      schema.put("required", required);
    }
    return schema;
  }

  static Field text(String name, String description) {
    return field(name, "string", description);
  }

  static Field word(String name, List<String> words, String description) {
    Field field = text(name, description);
    field.schema().put("enum", words);
    return field;
  }

  static Field flag(String name, String description) {
    return field(name, "boolean", description);
  }

  static Field number(String name, long least, String description) {
    Field field = field(name, "integer", description);
    field.schema().put("minimum", least);
    return field;
  }

  static Field number(String name, long least, long most, String description) {
    Field field = number(name, least, description);
    field.schema().put("maximum", most);
    return field;
  }

  static Field list(String name, Map<String, Object> items, String description) {
    Field field = field(name, "array", description);
    field.schema().put("items", items);
    return field;
  }

  static Field texts(String name, int most, String description) {
    Field field = list(name, Map.of("type", "string"), description);
    field.schema().put("minItems", 1);
    field.schema().put("maxItems", most);
    return field;
  }

  /** Names to texts. */
  static Field pairs(String name, String description) {
    Field field = field(name, "object", description);
    field.schema().put("additionalProperties", Map.of("type", "string"));
    return field;
  }

  private static Field field(String name, String type, String description) {
    Map<String, Object> schema = new LinkedHashMap<>();
    schema.put("type", type);
    schema.put("description", description);
    return new Field(name, schema, true);
  }
}
