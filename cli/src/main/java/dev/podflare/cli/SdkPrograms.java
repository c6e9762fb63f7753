package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The bench's programs in Python and JavaScript, {@code sdk/bench}, run with the SDKs of the
 * checkout that {@code ./podflare} is of. One thread.
 */
final class SdkPrograms {
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private final ClientConfig config;
  private final Optional<Path> launcher;

  SdkPrograms(ClientConfig config) {
    this.config = config;
    this.launcher = Optional.ofNullable(System.getenv("PODFLARE_LAUNCHER")).map(Path::of);
  }

  /**
   * What a program has said.
   *
   * @param why there is no answer
   */
  record Told(Optional<JsonNode> answer, String why) {}

  private static Told absent(String why) {
    return new Told(Optional.empty(), why);
  }

  /** With the suite's environment, which has httpx, else with the machine's Python. */
  Told python(String... arguments) {
    if (launcher.isEmpty()) {
      return absent("not started by ./podflare");
    }
    Path suite = sdk().resolveSibling("tests").resolve("python-sdk/.venv/bin/python");
    String program = Files.isExecutable(suite) ? suite.toString() : "python3";
    Map<String, String> environment = Map.of("PYTHONPATH", sdk().resolve("python/src").toString());
    if (!succeeds(List.of(program, "-c", "import podflare, httpx"), environment)) {
      return absent("no Python 3.11 with httpx; pip install httpx, or run tests/python-sdk/run");
    }
    return run(program, "bench.py", environment, arguments);
  }

  Told node(String... arguments) {
    if (launcher.isEmpty()) {
      return absent("not started by ./podflare");
    }
    Path built = sdk().resolve("typescript/dist/index.js");
    if (!Files.exists(built)) {
      return absent("the SDK is not built; npm ci && npm run build in sdk/typescript");
    }
    Map<String, String> environment = Map.of("PODFLARE_SDK", built.toString());
    if (!succeeds(
        List.of("node", "-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"),
        environment)) {
      return absent("no Node 20 or newer");
    }
    return run("node", "bench.mjs", environment, arguments);
  }

  /** Milliseconds of {@code ./podflare run 'print(1)'}; empty without a launcher. */
  Optional<Double> commandLine() {
    if (launcher.isEmpty()) {
      return Optional.empty();
    }
    List<String> line = List.of(launcher.get().toString(), "run", RawExec.CODE);
    long began = System.nanoTime();
    String said = output(line, Map.of());
    RawExec.check(said.equals("1\n"));
    return Optional.of((System.nanoTime() - began) / 1e6);
  }

  private Path sdk() {
    return launcher.orElseThrow().resolveSibling("sdk");
  }

  private Told run(
      String program, String script, Map<String, String> environment, String... arguments) {
    List<String> line = new ArrayList<>(List.of(program, sdk().resolve("bench/" + script) + ""));
    line.addAll(List.of(arguments));
    String said = output(line, environment);
    try {
      return new Told(Optional.of(JsonMapper.shared().readTree(said)), "");
    } catch (JacksonException nonsense) {
      throw new PodflareException(ErrorCode.INTERNAL, script + " said: " + said, nonsense);
    }
  }

  private boolean succeeds(List<String> line, Map<String, String> environment) {
    try {
      Process process =
          builder(line, environment)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      return ended(process) == 0;
    } catch (IOException missing) {
      return false;
    }
  }

  private String output(List<String> line, Map<String, String> environment) {
    try {
      Path said = Files.createTempFile("podflare-bench", ".out");
      try {
        Process process =
            builder(line, environment)
                .redirectOutput(said.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        int code = ended(process);
        if (code != 0) {
          throw new PodflareException(
              ErrorCode.INTERNAL, line.getFirst() + " ended with exit code " + code);
        }
        return Files.readString(said, StandardCharsets.UTF_8);
      } finally {
        Files.delete(said);
      }
    } catch (IOException broken) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot run " + line.getFirst(), broken);
    }
  }

  private static int ended(Process process) {
    try {
      if (process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        return process.exitValue();
      }
      throw new PodflareException(ErrorCode.TIMED_OUT, "a program of the bench does not end");
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.INTERNAL, "interrupted", hurried);
    } finally {
      process.destroyForcibly();
    }
  }

  private ProcessBuilder builder(List<String> line, Map<String, String> environment) {
    ProcessBuilder builder = new ProcessBuilder(line);
    builder.environment().putAll(environment);
    builder.environment().put("PODFLARE_API_URL", config.baseUrl().toString());
    config.key().ifPresent(it -> builder.environment().put("PODFLARE_API_KEY", it));
    return builder;
  }
}
