package dev.podflare.tests;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * The interpreter of the conformance scripts, see {@code sdk/conformance/README.md}. One thread.
 */
final class ConformanceScript {
  private static final Path SCRIPTS = Path.of("..", "sdk", "conformance", "scripts");
  private static final Set<String> KEYS =
      Set.of("call", "of", "with", "as", "expect", "error", "until");

  /** A sandbox, as an SDK has it. */
  interface Handle {
    String id();
  }

  /** An error of the API, as runners tell it. */
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Map<String, Object> told;

    Refused(Map<String, Object> told) {
      super(told.toString());
      this.told = told;
    }
  }

  /** What an SDK brings along. */
  interface Runner {
    /** Does a call; handles are {@link Handle}s in what it answers. */
    @Nullable Object call(String name, Optional<Handle> on, Map<String, Object> given)
        throws Refused;

    /** Ends a sandbox, whatever state it is in. */
    void close(Handle handle);
  }

  private final String name;
  private final List<Map<String, Object>> steps;
  private final Map<String, Object> kept = new HashMap<>();
  private final List<Handle> made = new ArrayList<>();

  private ConformanceScript(String name, List<Map<String, Object>> steps) {
    this.name = name;
    this.steps = steps;
  }

  static List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(SCRIPTS)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(file -> file.endsWith(".yaml"))
          .map(file -> file.substring(0, file.length() - ".yaml".length()))
          .sorted()
          .toList();
    }
  }

  static ConformanceScript load(String name) throws IOException {
    Map<String, Object> script =
        new YAMLMapper()
            .readValue(
                Files.readString(SCRIPTS.resolve(name + ".yaml")),
                new TypeReference<Map<String, Object>>() {});
    assertThat(script.keySet()).isSubsetOf("about", "official", "steps");
    List<Map<String, Object>> steps = new ArrayList<>();
    for (Object step : (List<?>) requireNonNull(script.get("steps"))) {
      steps.add(mapping(step));
    }
    return new ConformanceScript(name, steps);
  }

  /** Runs it; a step that fails is an error that names it. */
  void run(Runner runner) throws InterruptedException {
    try {
      for (int index = 0; index < steps.size(); index++) {
        Map<String, Object> step = steps.get(index);
        try {
          perform(step, runner);
        } catch (AssertionError failure) {
          throw new AssertionError(
              name + ", step " + (index + 1) + " " + step + ": " + failure.getMessage(), failure);
        }
      }
    } finally {
      made.reversed().forEach(runner::close);
    }
  }

  private void perform(Map<String, Object> step, Runner runner) throws InterruptedException {
    assertThat(step.keySet()).isSubsetOf(KEYS);
    assertThat(step.containsKey("expect") && step.containsKey("error")).as("both").isFalse();
    Optional<Handle> on =
        Optional.ofNullable((String) step.get("of")).map(it -> (Handle) refer("$" + it));
    Map<String, Object> given = mapping(resolve(step.getOrDefault("with", Map.of())));
    long end = System.nanoTime() + TestPlatform.PATIENCE.toNanos();
    while (true) {
      try {
        Object result = called(step, runner, on, given);
        addHandles(result);
        if (step.containsKey("expect") || step.containsKey("error")) {
          Object wanted = step.containsKey("error") ? step.get("error") : step.get("expect");
          ConformanceMatch.check(result, resolve(wanted), "");
        }
        if (step.get("as") instanceof String as) {
          kept.put(as, result);
        }
        return;
      } catch (AssertionError notYet) {
        if (!Boolean.TRUE.equals(step.get("until")) || System.nanoTime() > end) {
          throw notYet;
        }
        Thread.sleep(100);
      }
    }
  }

  private static @Nullable Object called(
      Map<String, Object> step, Runner runner, Optional<Handle> on, Map<String, Object> given) {
    Object result;
    try {
      result = runner.call((String) requireNonNull(step.get("call")), on, new HashMap<>(given));
    } catch (Refused refused) {
      assertThat(step).as("refused: %s", refused.getMessage()).containsKey("error");
      return refused.told;
    }
    assertThat(step).as("no error, but %s", result).doesNotContainKey("error");
    return result;
  }

  private void addHandles(@Nullable Object result) {
    switch (result) {
      case Handle handle -> made.add(handle);
      case List<?> list -> list.forEach(this::addHandles);
      case Map<?, ?> map -> addHandles(map.get("children"));
      case null, default -> {}
    }
  }

  /** A value with what it refers to in place. */
  private @Nullable Object resolve(@Nullable Object value) {
    return switch (value) {
      case String text when text.startsWith("$$") -> text.substring(1);
      case String text when text.startsWith("$") -> refer(text);
      case List<?> list -> {
        List<Object> resolved = new ArrayList<>();
        list.forEach(one -> resolved.add(resolve(one)));
        yield resolved;
      }
      case Map<?, ?> map when map.keySet().equals(Set.of("bytes")) ->
          String.valueOf(map.get("bytes")).getBytes(StandardCharsets.UTF_8);
      case Map<?, ?> map when map.keySet().equals(Set.of("base64")) ->
          Base64.getDecoder().decode(String.valueOf(map.get("base64")));
      case Map<?, ?> map -> {
        Map<String, Object> resolved = new HashMap<>();
        map.forEach((key, one) -> resolved.put((String) key, resolve(one)));
        yield resolved;
      }
      case null, default -> value;
    };
  }

  private Object refer(String text) {
    String[] parts = text.substring(1).split("\\.", -1);
    assertThat(kept).containsKey(parts[0]);
    Object value = kept.get(parts[0]);
    for (int i = 1; i < parts.length; i++) {
      String part = parts[i];
      if (value instanceof List<?> list) {
        value = list.get(Integer.parseInt(part));
      } else if (value instanceof Handle handle) {
        assertThat(part).as("a handle has an id only").isEqualTo("id");
        value = handle.id();
      } else {
        assertThat(mapping(value)).containsKey(part);
        value = mapping(value).get(part);
      }
    }
    return requireNonNull(value);
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> mapping(@Nullable Object value) {
    assertThat(value).isInstanceOf(Map.class);
    return (Map<String, Object>) requireNonNull(value);
  }
}
