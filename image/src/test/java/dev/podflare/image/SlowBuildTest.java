package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A whole build from the real archives. Needs root and the network, and takes minutes. */
@Tag("slow")
class SlowBuildTest {
  private static final String RECIPE =
      """
      name: slow
      extends: minimal
      pip: [six]
      shape: {disk: 1GiB}
      files:
        - {path: /opt/hello, content: "hello\\n", mode: "0750"}
      """;

  @TempDir Path folder;

  @Test
  @Timeout(value = 10, unit = TimeUnit.MINUTES)
  void buildsOnceAndAgainWhenAnInputChanges() throws Exception {
    TemplateStore store = new TemplateStore(folder.resolve("templates"));
    Recipe recipe = Recipes.parse(RECIPE);
    BuiltTemplate first = builder(store, "one").build(recipe, Progress.none());
    checkDisk(first);
    assertThat(Files.size(first.kernel())).isGreaterThan(1 << 20);
    assertThat(Recipes.parse(Files.readString(first.directory().resolve("recipe.yaml"))))
        .usingRecursiveComparison()
        .isEqualTo(recipe);

    RecordingProgress progress = new RecordingProgress();
    assertThat(builder(store, "one").build(recipe, progress)).isEqualTo(first);
    assertThat(progress.steps).as("nothing is done again").isEmpty();

    BuiltTemplate other = builder(store, "two").build(recipe, progress);
    assertThat(other.digest()).isNotEqualTo(first.digest());
    assertThat(cat(other, "/sbin/podflare-init")).isEqualTo("two");
    assertThat(store.find("slow")).contains(other);

    assertThat(builder(store, "one").build(recipe, Progress.none())).isEqualTo(first);
    assertThat(store.find("slow")).contains(first);

    Files.delete(other.initrd());
    assertThat(builder(store, "two").build(recipe, Progress.none()).digest())
        .as("damaged builds are replaced")
        .isEqualTo(other.digest());

    BuiltTemplate refreshed = builder(store, "one").build(recipe, true, Progress.none());
    assertThat(refreshed.inputs()).isEqualTo(first.inputs());
    assertThat(refreshed.digest()).isNotEqualTo(first.digest());
    assertThat(first.disk()).exists();
    assertThat(builder(store, "one").cached(recipe)).contains(refreshed);
    assertThat(store.sweep()).isZero();
  }

  private static void checkDisk(BuiltTemplate built) throws Exception {
    assertThat(run("e2fsck", "-fn", built.disk().toString())).contains("Pass 5");
    assertThat(cat(built, "/opt/hello")).isEqualTo("hello\n");
    assertThat(cat(built, "/sbin/podflare-init")).isEqualTo("one");
    assertThat(cat(built, "/etc/pip.conf")).contains("break-system-packages = true");
    assertThat(cat(built, "/etc/resolv.conf")).isEmpty();
    assertThat(debugfs(built, "stat /opt/hello")).contains("Mode:  0750");
    assertThat(debugfs(built, "ls -p /usr/local/lib/python3.13/dist-packages"))
        .contains("/six.py/");
    assertThat(debugfs(built, "ls -p /run").lines().filter(line -> line.startsWith("/")))
        .hasSize(2);
    assertThat(debugfs(built, "ls -p /boot").lines().filter(line -> line.startsWith("/")))
        .hasSize(2);
    assertThat(debugfs(built, "ls -p /etc/apt/apt.conf.d")).doesNotContain("mmdebstrap");
    assertThat(run("dumpe2fs", built.disk().toString())).contains("ITABLE_ZEROED");
    assertThat(allocated(built.disk())).as("sparse").isLessThan(built.diskSize().bytes() / 2);
  }

  private static long allocated(Path disk) throws Exception {
    return Long.parseLong(run("stat", "-c", "%b", disk.toString()).strip()) * 512;
  }

  private static TemplateBuilder builder(TemplateStore store, String init) {
    byte[] bytes = init.getBytes(StandardCharsets.UTF_8);
    return new TemplateBuilder(store, List.of(new GuestFile("/sbin/podflare-init", bytes, 0755)));
  }

  private static String cat(BuiltTemplate built, String path) throws Exception {
    return debugfs(built, "cat " + path);
  }

  private static String debugfs(BuiltTemplate built, String request) throws Exception {
    return run("debugfs", "-R", request, built.disk().toString());
  }

  private static String run(String program, String... arguments)
      throws IOException, InterruptedException {
    List<String> all = new java.util.ArrayList<>(List.of(HostPackages.program(program).toString()));
    all.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(all).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as("exit code of %s", all).isZero();
    return output;
  }
}
