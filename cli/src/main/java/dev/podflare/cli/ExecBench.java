package dev.podflare.cli;

import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.EngineProbe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Measures calls of one sandbox, and checks what they answer. One thread. */
final class ExecBench {
  static final int OUTPUT_BYTES = 64_000_000;
  private static final int LINE_BYTES = 100;
  private static final int LINES_A_WRITE = 1000;

  /**
   * Rounds for nothing, for each that counts: a JVM has compiled what is hot after some thousand.
   */
  private static final int WARM_UP_ROUNDS = 50;

  private final Podflare podflare;
  private final SandboxOptions options;

  ExecBench(Podflare podflare, SandboxOptions options) {
    this.podflare = podflare;
    this.options = options;
  }

  /** Calls of one warm sandbox, and the bare echo in between where it can be measured. */
  record Hot(Statistics exec, Optional<Statistics> echo) {}

  /**
   * Milliseconds of {@code print(1)} in a warm sandbox. Of a daemon in this process: over a bare
   * connection that is kept, in turns with the echo.
   */
  Hot hot(int rounds, Optional<EngineProbe> probe) {
    try (Sandbox sandbox = podflare.create(options)) {
      if (probe.isEmpty()) {
        return new Hot(calls(sandbox, rounds), Optional.empty());
      }
      return besideEcho(sandbox, rounds, probe.get());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** From afar, where each call costs its way. */
  private static Statistics calls(Sandbox sandbox, int rounds) {
    List<Double> millis = new ArrayList<>();
    for (int round = -rounds; round < rounds; round++) {
      long began = System.nanoTime();
      printOne(sandbox);
      if (round >= 0) {
        millis.add((System.nanoTime() - began) / 1e6);
      }
    }
    return Statistics.of(millis);
  }

  private Hot besideEcho(Sandbox sandbox, int rounds, EngineProbe probe) throws IOException {
    List<Double> millis = new ArrayList<>();
    List<Double> echo = new ArrayList<>();
    try (RawExec raw = new RawExec(podflare.config(), sandbox.id())) {
      for (int round = -WARM_UP_ROUNDS * rounds; round < rounds; round++) {
        long began = System.nanoTime();
        raw.run();
        double call = (System.nanoTime() - began) / 1e6;
        double ping = probe.ping(sandbox.id(), 1).toNanos() / 1e6;
        if (round >= 0) {
          millis.add(call);
          echo.add(ping);
        }
      }
    }
    return new Hot(Statistics.of(millis), Optional.of(Statistics.of(echo)));
  }

  private static void printOne(Sandbox sandbox) {
    RunResult result = sandbox.runCode("print(1)");
    if (!result.ok() || !result.stdout().equals("1\n")) {
      throw wrong("print(1) printed '" + result.stdout() + "'", result);
    }
  }

  /** Megabytes a second that the bare channel carries. */
  double bareThroughput(EngineProbe probe) {
    try (Sandbox sandbox = podflare.create(options)) {
      printOne(sandbox);
      return EngineBench.bareThroughput(probe, sandbox.id());
    }
  }

  /** Megabytes a second of one execution's output, as its caller reads it. */
  double throughput() {
    String code =
        "import sys\nfor _ in range(%d): sys.stdout.write(('x' * %d + '\\n') * %d)"
            .formatted(OUTPUT_BYTES / LINE_BYTES / LINES_A_WRITE, LINE_BYTES - 1, LINES_A_WRITE);
    long[] bytes = {0};
    RunListener counting =
        new RunListener() {
          @Override
          public void stdout(byte[] chunk) {
            bytes[0] += chunk.length;
          }
        };
    try (Sandbox sandbox = podflare.create(options)) {
      long began = System.nanoTime();
      RunResult result = sandbox.run(RunRequest.of(code, Language.PYTHON), counting);
      double seconds = (System.nanoTime() - began) / 1e9;
      if (!result.ok() || bytes[0] != OUTPUT_BYTES) {
        throw wrong("of " + OUTPUT_BYTES + " bytes of output came " + bytes[0], result);
      }
      return bytes[0] / 1e6 / seconds;
    }
  }

  private static PodflareException wrong(String what, RunResult result) {
    return new PodflareException(
        ErrorCode.INTERNAL,
        what
            + " (exit code "
            + result.exitCode()
            + ", "
            + result.reason()
            + "): "
            + result.stderr());
  }
}
