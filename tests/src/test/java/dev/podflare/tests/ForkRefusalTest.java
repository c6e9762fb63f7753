package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.podflare.client.ApiException;
import dev.podflare.client.Capacity;
import dev.podflare.client.Sandbox;
import dev.podflare.engine.EngineConfig;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.MachineState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Forks that cannot be: all is as before, and nothing of them is left. */
@OnPlatform
@Order(55)
class ForkRefusalTest {
  @TempDir Path data;

  @Test
  void allChildrenOrNone() throws Exception {
    try (TestPlatform platform = TestPlatform.start(data, ForkRefusalTest::fourSandboxes);
        Sandbox parent = platform.createWarm()) {
      ApiException refused = catchThrowableOfType(ApiException.class, () -> parent.fork(4));
      assertThat(refused.status()).isEqualTo(503);
      assertThat(refused.code()).isEqualTo("host_full");
      assertThat(refused.retryAfter()).isPresent();
      assertThat(platform.client.capacity().sandboxes()).isEqualTo(1);
      List<Sandbox> three = parent.fork(3);
      assertThat(platform.client.capacity().sandboxes()).isEqualTo(4);
      three.forEach(Sandbox::close);
      assertThat(platform.client.capacity().sandboxes()).isEqualTo(1);
      assertNothingLeft();
      python(parent, "x = 1");
      aChildThatFailsTakesAllBack(platform, parent);
    }
  }

  private static EngineConfig fourSandboxes(EngineConfig config) {
    return TestPlatform.withMost(config, 4);
  }

  /** Blanks that are stopped answer nothing, so their restore fails at its deadline. */
  private void aChildThatFailsTakesAllBack(TestPlatform platform, Sandbox parent) throws Exception {
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> blanks(platform).size() >= TestPlatform.POOL);
    List<Machine> stopped = blanks(platform);
    for (Machine blank : stopped) {
      signal(blank, "STOP");
    }
    Set<String> before = machines(platform);
    ApiException failed =
        catchThrowableOfType(ApiException.class, () -> parent.fork(TestPlatform.POOL + 1));
    assertThat(failed.status()).isBetween(500, 504);
    assertThat(python(parent, "print(x)")).isEqualTo("1");
    assertUsable(parent);
    Capacity after = platform.client.capacity();
    assertThat(after.sandboxes()).isEqualTo(1);
    assertNothingLeft();
    before.removeAll(stopped.stream().map(Machine::id).toList());
    assertThat(machines(platform)).containsAll(before);
    List<Sandbox> children = parent.fork(3);
    for (Sandbox child : children) {
      assertThat(python(child, "print(x)")).isEqualTo("1");
      child.close();
    }
  }

  private static List<Machine> blanks(TestPlatform platform) {
    return platform.engine.probe().machines().stream()
        .filter(machine -> machine.state() == MachineState.BLANK)
        .toList();
  }

  private static Set<String> machines(TestPlatform platform) {
    return platform.engine.probe().machines().stream().map(Machine::id).collect(Collectors.toSet());
  }

  private static void signal(Machine machine, String name) throws Exception {
    int code = new ProcessBuilder("kill", "-" + name, "" + machine.pid()).start().waitFor();
    assertThat(code).isZero();
  }

  private void assertNothingLeft() throws IOException {
    try (Stream<Path> left = Files.list(data.resolve("checkpoints"))) {
      assertThat(left).isEmpty();
    }
  }
}
