package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.common.DataSize;
import dev.podflare.engine.EngineConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is kept for an undo where there is little room, or where something is broken. */
@OnPlatform
@Order(50)
class UndoLimitsTest {
  @TempDir Path data;

  private static EngineConfig withUndoDisk(EngineConfig config, DataSize most) {
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
            most,
            usual.processes(),
            usual.contexts(),
            usual.outputBytes()));
  }

  private static Sandbox keeping(TestPlatform platform, int calls) {
    return platform.client.create(SandboxOptions.builder().undo(calls).build());
  }

  private static int available(Sandbox sandbox) {
    return sandbox.info().undo().orElseThrow().available();
  }

  /** Folders of moments, oldest first. */
  private List<Path> moments() throws IOException {
    try (Stream<Path> files = Files.walk(data.resolve("undo"), 2)) {
      return files.filter(it -> it.getFileName().toString().matches("\\d+")).sorted().toList();
    }
  }

  @Test
  void theOldestAreGivenUpForRoom() throws Exception {
    try (TestPlatform small =
            TestPlatform.start(data, it -> withUndoDisk(it, DataSize.ofMebibytes(10)));
        Sandbox sandbox = keeping(small, 16)) {
      python(sandbox, "b = bytearray(4_000_000)");
      for (int i = 1; i <= 8; i++) {
        python(sandbox, "x = %d; b[:] = bytes([%d]) * len(b)".formatted(i, i));
      }
      int left = available(sandbox);
      assertThat(left).isBetween(1, 4);
      assertThat(moments()).hasSize(left);
      sandbox.undo(left);
      assertThat(python(sandbox, "print(x, set(b))"))
          .isEqualTo("%d {%d}".formatted(8 - left, 8 - left));
    }
  }

  @Test
  void aDamagedMomentLeavesTheSandboxAsItWas() throws Exception {
    try (TestPlatform platform = TestPlatform.start(data, it -> it);
        Sandbox sandbox = keeping(platform, 8)) {
      for (int i = 1; i <= 4; i++) {
        python(sandbox, "x = " + i);
      }
      Path third = moments().get(2);
      Files.write(third.resolve("devices"), new byte[10_000]); // QEMU will not take it
      Files.delete(moments().get(1).resolve("own"));
      for (int calls : List.of(2, 3)) {
        assertThatThrownBy(() -> sandbox.undo(calls))
            .isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.status()).isEqualTo(500));
      }
      assertThat(available(sandbox)).isEqualTo(4);
      assertThat(python(sandbox, "print(x)")).isEqualTo("4");
      sandbox.undo(2); // the one above too
      assertThat(python(sandbox, "print(x)")).isEqualTo("3");
    }
    assertThat(data.resolve("undo")).isEmptyDirectory();
    assertThat(HostState.leftovers(data)).isEmpty();
  }
}
