package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Typed fields of a JSON object. A {@code null} counts as absent; a wrong type or an impossible
 * value is refused with {@code INVALID_FIELD}, the field's name and what is expected. Caps belong
 * to the engine. One thread.
 */
final class Fields {
  private static final int LONGEST_SHORT_TEXT = 4096;

  private final ObjectNode object;

  Fields(ObjectNode object) {
    this.object = object;
  }

  /** Text of any length. */
  Optional<String> text(String name) {
    return present(name).map(node -> string(name, node));
  }

  /** Whether it is given, and as text. */
  boolean isText(String name) {
    return present(name).filter(JsonNode::isString).isPresent();
  }

  /** A name, path or the like: not empty, not long, without NUL. */
  Optional<String> shortText(String name) {
    Optional<String> text = text(name);
    text.ifPresent(value -> {
      if (value.isEmpty() || value.length() > LONGEST_SHORT_TEXT || value.indexOf(0) >= 0) {
        throw invalid(name, "text of 1 to " + LONGEST_SHORT_TEXT + " characters without NUL");
      }
    });
    return text;
  }

  Optional<Boolean> flag(String name) {
    return present(name)
        .map(node -> {
          if (!node.isBoolean()) {
            throw invalid(name, "true or false", node);
          }
          return node.booleanValue();
        });
  }

  OptionalInt positive(String name) {
    Optional<Integer> value = present(name).map(node -> whole(name, node));
    return value.isPresent() ? OptionalInt.of(value.get()) : OptionalInt.empty();
  }

  OptionalLong positiveLong(String name) {
    OptionalInt value = positive(name);
    return value.isPresent() ? OptionalLong.of(value.getAsInt()) : OptionalLong.empty();
  }

  /** 0 to {@code most}. */
  OptionalLong natural(String name, long most) {
    String expected = "a whole number from 0 to " + most;
    Optional<JsonNode> node = present(name);
    if (node.isEmpty()) {
      return OptionalLong.empty();
    }
    if (!node.get().isNumber()) {
      throw invalid(name, expected, node.get());
    }
    double value = node.get().doubleValue();
    boolean exact = !node.get().isIntegralNumber() || node.get().canConvertToLong();
    if (value != Math.rint(value) || value < 0 || value > most || !exact) {
      throw invalid(name, expected);
    }
    return OptionalLong.of(node.get().isIntegralNumber() ? node.get().longValue() : (long) value);
  }

  /** A list of pairs of texts as an object with a field of that name; empty if it is no list. */
  Optional<ObjectNode> pairs(String name, int limit) {
    Optional<JsonNode> list = present(name).filter(JsonNode::isArray);
    if (list.isEmpty()) {
      return Optional.empty();
    }
    if (list.get().size() > limit) {
      throw invalid(name, "at most " + limit + " entries");
    }
    ObjectNode entries = Json.MAPPER.createObjectNode();
    for (JsonNode pair : list.get()) {
      if (!pair.isArray() || pair.size() != 2) {
        throw invalid(name, "an object, or a list of pairs of name and value");
      }
      entries.set(string(name, pair.get(0)), pair.get(1));
    }
    ObjectNode object = Json.MAPPER.createObjectNode();
    object.set(name, entries);
    return Optional.of(object);
  }

  Optional<Duration> seconds(String name) {
    return present(name).map(node -> Duration.ofSeconds(whole(name, node)));
  }

  /** An object of text values whose names pass the check. */
  Map<String, String> texts(String name, int limit, Predicate<String> nameCheck, String expected) {
    Map<String, String> texts = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : objectOf(name).properties()) {
      String key = entry.getKey();
      if (Text.hasLoneSurrogate(key) || !nameCheck.test(key)) {
        throw invalid(name, expected);
      }
      String value = string(name + "." + key, entry.getValue());
      if (value.indexOf(0) >= 0) {
        throw invalid(name + "." + key, "text without NUL");
      }
      texts.put(key, value);
    }
    if (texts.size() > limit) {
      throw invalid(name, "at most " + limit + " entries");
    }
    return texts;
  }

  List<String> list(String name, int limit) {
    Optional<JsonNode> node = present(name);
    if (node.isEmpty()) {
      return List.of();
    }
    if (!node.get().isArray() || node.get().size() > limit) {
      throw invalid(name, "a list of at most " + limit + " texts", node.get());
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode each : node.get()) {
      texts.add(string(name, each));
    }
    return texts;
  }

  /** The fields of each object of a list; none if it is absent. */
  List<Fields> objects(String name, int limit) {
    Optional<JsonNode> node = present(name);
    if (node.isEmpty()) {
      return List.of();
    }
    if (!node.get().isArray() || node.get().size() > limit) {
      throw invalid(name, "a list of at most " + limit + " objects", node.get());
    }
    List<Fields> objects = new ArrayList<>();
    for (JsonNode each : node.get()) {
      if (!(each instanceof ObjectNode object)) {
        throw invalid(name, "a list of objects");
      }
      objects.add(new Fields(object));
    }
    return objects;
  }

  /** The fields of an object within; none if it is absent. */
  Fields object(String name) {
    return new Fields(objectOf(name));
  }

  boolean has(String name) {
    return present(name).isPresent();
  }

  Collection<String> names() {
    return object.propertyNames();
  }

  static PodflareException invalid(String name, String expected) {
    String shown = shown(name);
    return new PodflareException(
        ErrorCode.INVALID_FIELD,
        "'" + shown + "' must be " + expected,
        Map.of("field", shown, "expected", expected));
  }

  /** What a value is, in words. */
  static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> "a list";
      case BOOLEAN -> "a boolean";
      case NULL -> "null";
      case NUMBER -> "a number";
      case OBJECT -> "an object";
      case STRING -> "text";
      case BINARY, MISSING, POJO -> "nothing";
    };
  }

  private ObjectNode objectOf(String name) {
    Optional<JsonNode> node = present(name);
    if (node.isEmpty()) {
      return Json.MAPPER.createObjectNode();
    }
    if (node.get() instanceof ObjectNode inner) {
      return inner;
    }
    throw invalid(name, "an object", node.get());
  }

  private Optional<JsonNode> present(String name) {
    JsonNode node = object.get(name);
    return node == null || node.isNull() ? Optional.empty() : Optional.of(node);
  }

  private static String string(String name, JsonNode node) {
    if (!node.isString()) {
      throw invalid(name, "text", node);
    }
    String text = node.stringValue();
    if (Text.hasLoneSurrogate(text)) {
      throw invalid(name, "text without half surrogate pairs");
    }
    return text;
  }

  private static int whole(String name, JsonNode node) {
    String expected = "a whole number from 1 to " + Integer.MAX_VALUE;
    if (!node.isNumber()) {
      throw invalid(name, expected, node);
    }
    double value = node.doubleValue();
    if (value != Math.rint(value) || value < 1 || value > Integer.MAX_VALUE) {
      throw invalid(name, expected);
    }
    return (int) value;
  }

  private static PodflareException invalid(String name, String expected, JsonNode found) {
    return invalid(name, expected + ", not " + kind(found));
  }

  private static String shown(String name) {
    return name.length() > 100 ? name.substring(0, 100) + "…" : name;
  }
}
