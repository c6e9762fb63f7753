package dev.podflare.mcp;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import tools.jackson.databind.JsonNode;

/**
 * The arguments of a call, read by type. What does not fit is a {@link ToolFailure}, so that the
 * model can mend it. Unknown ones are ignored, as the schemas allow.
 */
record Arguments(JsonNode fields) {
  String text(String name) {
    return find(name).orElseThrow(() -> ToolFailure.badArgument("'" + name + "' is missing"));
  }

  /** Empty if it is not given. */
  Optional<String> find(String name) {
    JsonNode value = fields.path(name);
    if (absent(value)) {
      return Optional.empty();
    }
    if (!value.isString()) {
      throw ToolFailure.badArgument("'" + name + "' must be a text");
    }
    return Optional.of(value.asString());
  }

  /** One of some words; the first one if it is not given. */
  String word(String name, List<String> words) {
    String word = find(name).orElse(words.getFirst());
    if (!words.contains(word)) {
      throw ToolFailure.badArgument(
          "'" + name + "' must be one of " + String.join(", ", words) + ", not '" + word + "'");
    }
    return word;
  }

  boolean flag(String name, boolean standard) {
    JsonNode value = fields.path(name);
    if (absent(value)) {
      return standard;
    }
    if (!value.isBoolean()) {
      throw ToolFailure.badArgument("'" + name + "' must be true or false");
    }
    return value.asBoolean();
  }

  Optional<Boolean> findFlag(String name) {
    return absent(fields.path(name)) ? Optional.empty() : Optional.of(flag(name, false));
  }

  long number(String name, long least, long most, long standard) {
    return findNumber(name, least, most).orElse(standard);
  }

  /** A whole number in a range; some models write them with a fraction of 0. */
  OptionalLong findNumber(String name, long least, long most) {
    JsonNode value = fields.path(name);
    if (absent(value)) {
      return OptionalLong.empty();
    }
    boolean whole =
        value.isIntegralNumber()
            ? value.canConvertToLong()
            : value.isNumber() && value.asDouble() % 1 == 0 && Math.abs(value.asDouble()) < 1e15;
    long number = whole ? (long) value.asDouble() : 0;
    if (whole && value.isIntegralNumber()) {
      number = value.asLong();
    }
    if (!whole || number < least || number > most) {
      throw ToolFailure.badArgument(
          "'" + name + "' must be a whole number from " + least + " to " + most);
    }
    return OptionalLong.of(number);
  }

  /** Seconds, if they are given. */
  Optional<Duration> seconds(String name, long most) {
    OptionalLong seconds = findNumber(name, 1, most);
    return seconds.isPresent()
        ? Optional.of(Duration.ofSeconds(seconds.getAsLong()))
        : Optional.empty();
  }

  List<String> texts(String name, int most) {
    JsonNode value = fields.path(name);
    List<String> texts = new ArrayList<>();
    if (value.isArray()) {
      value.forEach(each -> texts.add(each.isString() ? each.asString() : null));
    }
    if (texts.isEmpty() || texts.size() > most || texts.contains(null)) {
      throw ToolFailure.badArgument("'" + name + "' must be a list of 1 to " + most + " texts");
    }
    return texts;
  }

  boolean has(String name) {
    return !absent(fields.path(name));
  }

  /** Names to texts; none if it is not given. */
  Map<String, String> pairs(String name) {
    JsonNode value = fields.path(name);
    Map<String, String> pairs = new LinkedHashMap<>();
    if (absent(value)) {
      return pairs;
    }
    boolean good =
        value.isObject() && value.properties().stream().allMatch(it -> it.getValue().isString());
    if (!good) {
      throw ToolFailure.badArgument("'" + name + "' must map names to texts");
    }
    value.properties().forEach(it -> pairs.put(it.getKey(), it.getValue().asString()));
    return pairs;
  }

  private static boolean absent(JsonNode value) {
    return value.isMissingNode() || value.isNull();
  }
}
