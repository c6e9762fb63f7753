package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The JSON inside frames. What comes from the guest is checked; a fault is MACHINE_FAILED. */
final class Messages {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final TypeReference<Map<String, Object>> OBJECT = new TypeReference<>() {};
  private static final int MAX_TEXT = 1000;
  private static final int MAX_RUNNING = 4096;
  private static final int MAX_FORMS = 32;

  /** A tree of small values takes some thirty times their text. */
  private static final int MAX_FILE_WORD = 64 << 10;

  private static final Map<String, GuestValue.Kind> KINDS =
      Map.of(
          "value", GuestValue.Kind.VALUE,
          "display", GuestValue.Kind.DISPLAY,
          "update", GuestValue.Kind.UPDATE,
          "clear", GuestValue.Kind.CLEAR,
          "error", GuestValue.Kind.EXCEPTION);

  record Done(int code, DoneReason reason, Optional<String> message) {}

  private record HelloJson(
      long epoch,
      long time_ns,
      @Nullable String agent,
      @Nullable String python,
      @Nullable List<Long> running,
      @Nullable List<String> failed) {}

  private record DoneJson(int code, @Nullable String reason, @Nullable String message) {}

  private Messages() {}

  static byte[] exec(ExecCommand command, Optional<Integer> codeSize) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("language", command.language().wireName());
    codeSize.ifPresentOrElse(
        size -> body.put("code_size", size), () -> body.put("code", command.code()));
    command.context().ifPresent(context -> body.put("context", context));
    command.cwd().ifPresent(cwd -> body.put("cwd", cwd));
    if (!command.env().isEmpty()) {
      body.put("env", command.env());
    }
    if (command.stdin()) {
      body.put("stdin", true);
    }
    if (command.result()) {
      body.put("result", true);
    }
    if (!command.argv().isEmpty()) {
      body.put("argv", command.argv());
    }
    body.put("window", command.window());
    return JSON.writeValueAsBytes(body);
  }

  static byte[] question(Map<String, Object> question, int window) {
    Map<String, Object> body = new LinkedHashMap<>(question);
    body.put("window", window);
    return JSON.writeValueAsBytes(body);
  }

  static byte[] terminal(TerminalCommand command) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("argv", command.argv());
    command.cwd().ifPresent(cwd -> body.put("cwd", cwd));
    body.put("env", command.env());
    body.put("cols", command.cols());
    body.put("rows", command.rows());
    body.put("window", command.window());
    return JSON.writeValueAsBytes(body);
  }

  static byte[] fileRequest(Map<String, Object> request) {
    Map<String, Object> body = new LinkedHashMap<>(request);
    body.put("window", FileOperation.WINDOW);
    return JSON.writeValueAsBytes(body);
  }

  /** An object of the files worker's. */
  static JsonNode file(byte[] payload) {
    if (payload.length > MAX_FILE_WORD) {
      throw fault("word about a file", "it has " + payload.length + " bytes");
    }
    try {
      JsonNode node = JSON.readTree(payload);
      if (node == null || !node.isObject()) {
        throw fault("word about a file", "it is no object");
      }
      return node;
    } catch (JacksonException error) {
      throw fault("word about a file", error.getOriginalMessage());
    }
  }

  /** Words, not JSON: what a restored guest runs first is slow when it is emulated. */
  static byte[] renewal(Renewal renewal) {
    StringBuilder text = new StringBuilder();
    text.append(renewal.epoch()).append(' ');
    text.append(Renewal.nanos(renewal.clock().instant())).append(' ');
    text.append(renewal.hostname()).append(' ');
    text.append(renewal.machineId()).append(' ');
    text.append(HexFormat.of().formatHex(renewal.entropy())).append('\n');
    renewal
        .carried()
        .forEach(exec -> text.append(exec.id()).append(' ').append(exec.window()).append('\n'));
    return text.toString().getBytes(StandardCharsets.US_ASCII);
  }

  static byte[] clock(InstantSource clock) {
    return Long.toString(Renewal.nanos(clock.instant())).getBytes(StandardCharsets.US_ASCII);
  }

  static byte[] variables(Map<String, String> variables) {
    return JSON.writeValueAsBytes(variables);
  }

  static Hello hello(byte[] payload) {
    HelloJson json = read(payload, HelloJson.class, "hello");
    List<Long> running = orEmpty(json.running());
    if (json.epoch() < 0
        || running.size() > MAX_RUNNING
        || running.stream().anyMatch(Objects::isNull)) {
      throw fault("hello", "its values are out of range");
    }
    return new Hello(
        json.epoch(),
        json.time_ns(),
        text(json.agent()),
        text(json.python()),
        running,
        orEmpty(json.failed()).stream().limit(16).map(Messages::text).toList());
  }

  static long clockAnswer(byte[] payload) {
    try {
      return Long.parseLong(new String(payload, StandardCharsets.US_ASCII));
    } catch (NumberFormatException e) {
      throw fault("clock", "not a number");
    }
  }

  static Done done(byte[] payload) {
    DoneJson json = read(payload, DoneJson.class, "end of an execution");
    Optional<DoneReason> reason = DoneReason.parse(text(json.reason()));
    if (reason.isEmpty() || json.code() < 0 || json.code() > 255) {
      throw fault("end of an execution", "code " + json.code() + ", reason " + text(json.reason()));
    }
    return new Done(
        json.code(), reason.get(), Optional.ofNullable(json.message()).map(Messages::text));
  }

  static Map<String, String> result(byte[] payload) {
    Map<String, String> result = new LinkedHashMap<>();
    object(payload, "result")
        .forEach((type, value) -> {
          if (!(value instanceof String text)) {
            throw fault("result", "a value is no text");
          }
          result.put(type, text);
        });
    return result;
  }

  /**
   * Empty for what makes no sense: user code has a hand in it. Read piece by piece, so that no more
   * than its {@link #MAX_FORMS} forms are ever held.
   */
  static Optional<GuestValue> value(byte[] payload) {
    try (JsonParser json = JSON.createParser(payload)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        return Optional.empty();
      }
      GuestValue.Kind kind = null;
      Map<String, String> data = null;
      String id = null;
      while (json.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = json.currentName();
        JsonToken token = json.nextToken();
        if (name.equals("kind") && token == JsonToken.VALUE_STRING) {
          kind = KINDS.get(json.getString());
        } else if (name.equals("id") && token == JsonToken.VALUE_STRING) {
          id = json.getString();
        } else if (name.equals("data") && token == JsonToken.START_OBJECT) {
          data = forms(json);
        } else {
          return Optional.empty();
        }
      }
      return kind == null || data == null
          ? Optional.empty()
          : Optional.of(new GuestValue(kind, data, Optional.ofNullable(id)));
    } catch (JacksonException malformed) {
      return Optional.empty();
    }
  }

  private static @Nullable Map<String, String> forms(JsonParser json) {
    Map<String, String> forms = new LinkedHashMap<>();
    while (json.nextToken() == JsonToken.PROPERTY_NAME) {
      String mime = json.currentName();
      if (json.nextToken() != JsonToken.VALUE_STRING || forms.size() >= MAX_FORMS) {
        return null;
      }
      forms.put(mime, json.getString());
    }
    return forms;
  }

  static Map<String, Object> object(byte[] payload, String what) {
    Map<String, Object> map = read(payload, OBJECT, what);
    if (map.size() > 64) {
      throw fault(what, "it has " + map.size() + " fields");
    }
    return map;
  }

  private static <T> T read(byte[] payload, Class<T> type, String what) {
    try {
      T value = JSON.readValue(payload, type);
      if (value == null) {
        throw fault(what, "it is null");
      }
      return value;
    } catch (JacksonException error) {
      throw fault(what, error.getOriginalMessage());
    }
  }

  private static <T> T read(byte[] payload, TypeReference<T> type, String what) {
    try {
      T value = JSON.readValue(payload, type);
      if (value == null) {
        throw fault(what, "it is null");
      }
      return value;
    } catch (JacksonException error) {
      throw fault(what, error.getOriginalMessage());
    }
  }

  private static <T> List<T> orEmpty(@Nullable List<T> list) {
    return list == null ? List.of() : list;
  }

  private static String text(@Nullable String text) {
    return text == null ? "" : text.substring(0, Math.min(text.length(), MAX_TEXT));
  }

  /** Words of the guest's, for people. */
  static String words(byte[] payload) {
    String words =
        new String(payload, 0, Math.min(payload.length, MAX_TEXT), StandardCharsets.UTF_8);
    return words.replaceAll("\\p{Cntrl}", " ");
  }

  private static PodflareException fault(String what, @Nullable String why) {
    return new PodflareException(
        ErrorCode.MACHINE_FAILED, "the guest sent a bad " + what + ": " + text(why));
  }
}
