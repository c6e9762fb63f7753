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
import java.util.ArrayList;
import java.util.List;

/** Measures calls of one sandbox, and checks what they answer. One thread. */
final class ExecBench {
  static final int OUTPUT_BYTES = 64_000_000;
  private static final int LINE_BYTES = 100;
  private static final int LINES_A_WRITE = 1000;
  private static final int WARM_UP_ROUNDS = 20;

  private final Podflare podflare;
  private final SandboxOptions options;

  ExecBench(Podflare podflare, SandboxOptions options) {
    this.podflare = podflare;
    this.options = options;
  }

  /** Milliseconds of {@code print(1)} in a warm sandbox. */
  Statistics hot(int rounds) {
    List<Double> millis = new ArrayList<>();
    try (Sandbox sandbox = podflare.create(options)) {
      for (int i = 0; i < WARM_UP_ROUNDS; i++) {
        printOne(sandbox);
      }
      for (int i = 0; i < rounds; i++) {
        long began = System.nanoTime();
        printOne(sandbox);
        millis.add((System.nanoTime() - began) / 1e6);
      }
    }
    return Statistics.of(millis);
  }

  private static void printOne(Sandbox sandbox) {
    RunResult result = sandbox.runCode("print(1)");
    if (!result.ok() || !result.stdout().equals("1\n")) {
      throw wrong("print(1) printed '" + result.stdout() + "'", result);
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
