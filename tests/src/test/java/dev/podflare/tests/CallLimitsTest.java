package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.engine.EngineConfig;
import java.nio.file.Path;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a daemon's configuration allows to calls and contexts of a sandbox. */
@OnPlatform
@Order(90)
class CallLimitsTest {
  private static final int OUTPUT = 100_000;

  @TempDir Path data;

  private static EngineConfig strict(EngineConfig config) {
    EngineConfig.Limits usual = config.limits();
    return config.withLimits(
        config.lifetimes(),
        new EngineConfig.Limits(
            usual.sandboxes(),
            usual.sandboxesPerKey(),
            usual.memoryOvercommit(),
            usual.memoryReserve(),
            usual.diskReserve(),
            usual.queuedExecutions(),
            usual.codeBytes(),
            usual.maxFork(),
            usual.maxUndo(),
            usual.undoDisk(),
            usual.processes(),
            2,
            OUTPUT));
  }

  private static RunResult run(Sandbox sandbox, String code, Language language) {
    return sandbox.run(RunRequest.of(code, language), new RunListener() {});
  }

  @Test
  void outputAndContextsAreLimited() {
    try (TestPlatform platform = TestPlatform.start(data, CallLimitsTest::strict);
        Sandbox sandbox = platform.create()) {
      String exactly = "import sys; n = sys.stdout.write('x' * " + OUTPUT + ")";
      RunResult within = run(sandbox, exactly, Language.PYTHON);
      assertThat(within.reason()).isEqualTo("exited");
      assertThat(within.stdout()).hasSize(OUTPUT);
      RunResult more = run(sandbox, exactly + "; print('more')", Language.PYTHON);
      assertThat(more.reason()).isEqualTo("output_limit");
      assertThat(more.exitCode()).isEqualTo(130);
      assertThat(more.stdout()).isEqualTo("x".repeat(OUTPUT));
      RunResult flood = run(sandbox, "yes", Language.BASH);
      assertThat(flood.reason()).isEqualTo("output_limit");
      assertThat(flood.stdout()).hasSize(OUTPUT);
      assertThat(run(sandbox, "print(n)", Language.PYTHON).stdout()).isEqualTo(OUTPUT + "\n");
      sandbox.contexts().open("bash");
      sandbox.contexts().open("python");
      assertThatThrownBy(() -> sandbox.contexts().open("bash"))
          .isInstanceOfSatisfying(
              ApiException.class, it -> assertThat(it.code()).isEqualTo("too_many_contexts"));
    }
  }
}
