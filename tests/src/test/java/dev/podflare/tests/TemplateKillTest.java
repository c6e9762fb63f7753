package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.image.TemplateFactory;
import dev.podflare.image.TemplateStore;
import dev.podflare.qemu.HypervisorConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code kill -9} of a template's build at any moment: a half build is never used. */
@OnPlatform
@Order(91)
class TemplateKillTest {
  private static final String NAME = "killed-build-" + ProcessHandle.current().pid();
  private static final int LATEST_MILLIS = 12_000;

  @TempDir Path folder;

  private final Random random = new Random(20_260_105);

  @Test
  void aHalfBuildIsNeverUsedAndTheNextOneIsWhole() throws Exception {
    Path recipe = folder.resolve(NAME + ".yaml");
    Files.writeString(
        recipe, "extends: minimal\nfiles:\n  - path: /root/mark\n    content: " + NAME + "\n");
    TestTemplates.minimal(); // its packages are the start of this build
    TemplateStore store = new TemplateStore(TestTemplates.folder());
    int finished = 0;
    for (int round = 0; round < LongRun.choose(1, 5) && finished == 0; round++) {
      Process build = build(recipe);
      boolean ended = build.waitFor(random.nextInt(LATEST_MILLIS), TimeUnit.MILLISECONDS);
      build.destroyForcibly().waitFor();
      if (ended) {
        assertThat(build.exitValue()).isZero();
        finished++;
      }
      store.find(NAME).ifPresent(found -> assertThat(found.disk()).exists());
      new TemplateFactory(store.folder(), HypervisorConfig.Choice.AUTO).sweep();
    }
    Process build = build(recipe);
    assertThat(build.waitFor(5, TimeUnit.MINUTES)).isTrue();
    assertThat(build.exitValue()).isZero();
    try (TestPlatform platform =
            TestPlatform.start(folder.resolve("data"), config -> config.withPool(0, 0));
        var sandbox =
            platform.client.create(
                dev.podflare.client.SandboxOptions.builder().template(NAME).build())) {
      assertThat(sandbox.created().orElseThrow().source()).contains("restore");
      assertThat(GuestProbe.bash(sandbox, "cat /root/mark")).isEqualTo(NAME);
    }
  }

  private Process build(Path recipe) throws IOException {
    List<String> line = new ArrayList<>(DaemonProcess.java("-Xmx256m"));
    line.addAll(List.of("template", "build", recipe.toString()));
    line.addAll(List.of("--templates", TestTemplates.folder().toString()));
    return new ProcessBuilder(line)
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("build.log").toFile())
        .start();
  }

  @AfterEach
  void remove() throws IOException {
    Path built = TestTemplates.folder().resolve(NAME);
    if (Files.exists(built)) {
      try (Stream<Path> tree = Files.walk(built)) {
        for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }
}
