package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Builds that fail or are killed, with the real tools. Needs root, as builds do. */
class TemplateBuilderTest {
  @TempDir Path folder;

  @Test
  @Timeout(60)
  void mirrorThatIsNotReachedIsSaidSo() throws IOException {
    Recipe recipe = Recipes.parse("name: x\nmirror: http://127.0.0.1:" + closedPort() + "/debian");
    TemplateStore store = new TemplateStore(folder.resolve("templates"));
    TemplateBuilder builder = new TemplateBuilder(store, List.of(), Collections.emptySortedMap());
    assertThatThrownBy(() -> builder.build(recipe, Progress.none()))
        .hasMessageContaining("Step 'install packages' ended with exit code")
        .hasMessageContaining("The package archive was not reached")
        .hasMessageContaining("127.0.0.1")
        .asInstanceOf(InstanceOfAssertFactories.type(PodflareException.class))
        .extracting(PodflareException::code)
        .isEqualTo(ErrorCode.BUILD_FAILED);
    assertThat(store.folder().resolve(".logs/x.log")).content().contains("install packages");
    assertThat(builder.cached(recipe)).isEmpty();
    assertThat(leftOver(store)).isEmpty();
  }

  @Test
  @Timeout(60)
  void killedBuilderLeavesNoProcessNoMountAndNoTemplate() throws Exception {
    TemplateStore store = new TemplateStore(folder.resolve("templates"));
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Path recipe =
          Files.writeString(
              folder.resolve("x.yaml"),
              "mirror: http://127.0.0.1:" + silent.getLocalPort() + "/debian");
      Process builder = startBuilder(store, recipe);
      try {
        silent.accept(); // apt asks the mirror, which never answers
        List<Path> building = leftOver(store);
        assertThat(building).hasSize(2);
        assertThat(building).anySatisfy(at -> assertThat(Marked.processes(at)).isNotEmpty());
        assertThat(store.sweep()).as("a live build is left alone").isZero();

        builder.destroyForcibly().waitFor(); // kill -9
        building.forEach(Marked::assertEnded);
      } finally {
        builder.destroyForcibly();
      }
    }
    assertThat(Path.of("/proc/self/mounts")).content().doesNotContain(folder.toString());
    assertThat(store.list()).isEmpty();
    assertThat(store.sweep()).isEqualTo(2);
    assertThat(leftOver(store)).isEmpty();
  }

  @Test
  @Timeout(60)
  void secondBuildWaitsForTheFirst() throws Exception {
    TemplateStore store = new TemplateStore(folder.resolve("templates"));
    Path file = Files.writeString(folder.resolve("x.yaml"), "mirror: http://127.0.0.1:1/debian");
    TemplateBuilder builder = new TemplateBuilder(store, List.of(), Collections.emptySortedMap());
    Recipe recipe = Recipes.file(file);
    String key = "x-" + builder.inputs(recipe);
    RecordingProgress progress = new RecordingProgress();
    Thread second;
    try (Workspace first = Workspace.open(store.folder(), key, java.time.Duration.ZERO, w -> {})) {
      second = Thread.ofVirtual().start(() -> buildQuietly(builder, recipe, progress));
      await().atMost(10, TimeUnit.SECONDS).until(() -> !progress.waits.isEmpty());
      assertThat(progress.steps).isEmpty();
      assertThat(first.folder()).exists();
    }
    await().atMost(30, TimeUnit.SECONDS).until(() -> !progress.steps.isEmpty());
    second.join();
    assertThat(progress.steps.getFirst()).isEqualTo("1/5 install packages");
  }

  private static void buildQuietly(TemplateBuilder builder, Recipe recipe, Progress progress) {
    assertThatThrownBy(() -> builder.build(recipe, progress)).hasMessageContaining("not reached");
  }

  private static Process startBuilder(TemplateStore store, Path recipe) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            BuildMain.class.getName(),
            store.folder().toString(),
            recipe.toString())
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static List<Path> leftOver(TemplateStore store) throws IOException {
    try (var entries = Files.list(store.folder())) {
      return entries
          .filter(path -> path.getFileName().toString().startsWith(Workspace.PREFIX))
          .toList();
    }
  }

  private static int closedPort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
