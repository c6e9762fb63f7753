package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.engine.EngineConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shapes that were never asked for, limits of a whole host, and what a restart remembers. */
@OnPlatform
@Order(60)
class ShapeAndRestartTest {
  private static final SandboxOptions SMALL =
      SandboxOptions.builder().vcpus(1).memoryMebibytes(384).build();

  @TempDir Path data;

  @Test
  void aNewShapeIsBootedOnceAndThenRestored() throws Exception {
    forgetShape("1x384");
    try (TestPlatform platform = TestPlatform.start(data, config -> config.withPool(0, 0))) {
      try (Sandbox first = platform.client.create(SMALL)) {
        assertThat(first.created().orElseThrow().source()).contains("boot");
        assertSmall(first);
      }
      try (Sandbox second = platform.client.create(SMALL)) {
        assertThat(second.created().orElseThrow().source()).contains("restore");
        assertSmall(second);
      }
    }
    try (TestPlatform platform = TestPlatform.start(data, config -> config.withPool(0, 0));
        Sandbox afterwards = platform.client.create(SMALL)) {
      assertThat(afterwards.created().orElseThrow().source()).contains("restore");
      assertSmall(afterwards);
    }
  }

  private static void assertSmall(Sandbox sandbox) {
    assertThat(sandbox.info().ramMib()).isEqualTo(384);
    assertThat(GuestProbe.bash(sandbox, "nproc")).isEqualTo("1");
    long kibibytes =
        Long.parseLong(GuestProbe.bash(sandbox, "awk '/MemTotal/ {print $2}' /proc/meminfo"));
    assertThat(kibibytes).isBetween(256L << 10, 384L << 10);
    assertUsable(sandbox);
  }

  /** Earlier runs may have kept it. */
  private static void forgetShape(String prefix) throws Exception {
    Path shapes = TestTemplates.minimal().directory().resolve("shapes");
    try (Stream<Path> folders = Files.list(shapes)) {
      for (Path folder :
          folders.filter(path -> path.getFileName().toString().startsWith(prefix)).toList()) {
        try (Stream<Path> tree = Files.walk(folder)) {
          for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
            Files.delete(path);
          }
        }
      }
    }
  }

  @Test
  void sandboxesOfAnEarlierRunAreRememberedAsShutDown() {
    List<String> ids = new ArrayList<>();
    String key;
    try (TestPlatform before = TestPlatform.start(data, config -> config.withPool(1, 0))) {
      key = before.key;
      Sandbox deleted = before.create();
      deleted.delete();
      ids.add(deleted.id());
      ids.add(before.create().id());
      ids.add(before.create().id());
      assertUsable(before.client.sandbox(ids.getLast()));
    }
    try (TestPlatform after = TestPlatform.start(data, config -> config.withPool(1, 0))) {
      assertThat(after.key).isEqualTo(key);
      assertThat(ids)
          .extracting(id -> TestPlatform.goneReason(after.client.sandbox(id)).orElse("alive"))
          .containsExactly("deleted", "host_shutdown", "host_shutdown");
      try (Sandbox sandbox = after.create()) {
        assertUsable(sandbox);
      }
    }
  }

  @Test
  void aFullHostSaysSoWithItsFigures() {
    try (TestPlatform platform = TestPlatform.start(data, ShapeAndRestartTest::twoSandboxes);
        Sandbox one = platform.create();
        Sandbox two = platform.create()) {
      var answer = platform.api.post("/v1/sandboxes", "{}");
      assertThat(answer.status()).isEqualTo(503);
      assertThat(answer.text()).contains("\"host_full\"").contains("\"limit\":2");
      assertThat(answer.header("retry-after")).isPresent();
      assertThat(platform.client.capacity().accepting()).isFalse();
      assertUsable(one);
      two.delete();
      try (Sandbox three = platform.create()) {
        assertUsable(three);
      }
    }
  }

  private static EngineConfig twoSandboxes(EngineConfig config) {
    return TestPlatform.withMost(config.withPool(1, 1), 2);
  }
}
