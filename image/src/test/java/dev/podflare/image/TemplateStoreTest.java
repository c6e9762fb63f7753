package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TemplateStoreTest {
  private static final String OLD = "0".repeat(32);
  private static final String NEW = "1".repeat(32);

  @TempDir Path folder;

  @Test
  void newestBuildCountsUntilOneIsMadeCurrent() throws IOException {
    TemplateStore store = new TemplateStore(folder);
    BuiltTemplate old = put("x", OLD, Instant.EPOCH);
    put("x", NEW, Instant.EPOCH.plusSeconds(1));
    assertThat(store.find("x").orElseThrow().digest()).isEqualTo(NEW);
    store.makeCurrent(old);
    assertThat(store.find("x")).contains(old);
    assertThat(store.list()).containsExactly(old);
    assertThat(store.builds("x")).hasSize(2);
  }

  @Test
  void pointerToNothingIsIgnored() throws IOException {
    BuiltTemplate only = put("x", OLD, Instant.EPOCH);
    Files.writeString(folder.resolve("x/current"), "../../etc");
    assertThat(new TemplateStore(folder).find("x")).contains(only);
  }

  @Test
  void whatIsNotWholeIsNotThere() throws IOException {
    TemplateStore store = new TemplateStore(folder);
    for (String damage : new String[] {"manifest.json", "disk.raw", "initrd", "vmlinuz"}) {
      Path file = put("x", OLD, Instant.EPOCH).directory().resolve(damage);
      Files.writeString(file, "{\"format\":1");
      assertThat(store.find("x")).as(damage).isEmpty();
      Files.delete(file);
      assertThat(store.find("x")).as(damage).isEmpty();
    }
  }

  @Test
  void anyTextMayBeAskedFor() throws IOException {
    TemplateStore store = new TemplateStore(folder);
    put("x", OLD, Instant.EPOCH);
    for (String name : new String[] {"", "..", "../x", "x/" + OLD, ".base", "\0", "x\n", "y"}) {
      assertThat(store.find(name)).isEmpty();
      assertThat(store.find(name, OLD)).isEmpty();
    }
    assertThat(store.find("x", "../" + OLD)).isEmpty();
    assertThat(new TemplateStore(folder.resolve("none")).list()).isEmpty();
  }

  @Test
  void pruneKeepsWhatIsCurrentOrInUse() throws IOException {
    TemplateStore store = new TemplateStore(folder);
    BuiltTemplate old = put("x", OLD, Instant.EPOCH);
    BuiltTemplate current = put("x", NEW, Instant.EPOCH.plusSeconds(1));
    assertThat(store.prune(build -> build.equals(old))).isEmpty();
    assertThat(store.prune(build -> false)).containsExactly(old);
    assertThat(store.builds("x")).containsExactly(current);
    assertThat(old.directory()).doesNotExist();
    assertThat(store.sweep()).isZero();
  }

  @Test
  void sweepTakesDeadBuildsAndLeavesLiveOnes() throws IOException {
    TemplateStore store = new TemplateStore(folder);
    Path dead = Files.createDirectories(folder.resolve(".building-dead-" + OLD + "/out"));
    try (Workspace live = Workspace.open(folder, "live-" + NEW, Duration.ZERO, waited -> {})) {
      Files.writeString(live.path("file"), "work");
      assertThat(store.sweep()).isEqualTo(1);
      assertThat(dead.getParent()).doesNotExist();
      assertThat(live.path("file")).exists();
      assertThat(Workspace.tryOpen(folder, "live-" + NEW)).isEqualTo(Optional.empty());
    }
    assertThat(folder.resolve(".building-live-" + NEW)).doesNotExist();
    assertThat(store.sweep()).isZero();
  }

  @Test
  void processesOfDeadBuildsAreEnded() throws Exception {
    Path dead = Files.createDirectory(folder.resolve(".building-dead-" + OLD));
    ProcessBuilder sleep = new ProcessBuilder("sleep", "60");
    sleep.environment().put(Commands.MARK, dead.toString());
    Process marked = sleep.start();
    try {
      assertThat(new TemplateStore(folder).sweep()).isEqualTo(1);
      assertThat(marked.waitFor()).isEqualTo(128 + 9);
    } finally {
      marked.destroyForcibly();
    }
  }

  @Test
  void templatesOfBeforeThereWereWarmContextsAreRead() throws IOException {
    BuiltTemplate built = put("old", "d".repeat(32), Instant.EPOCH);
    assertThat(built.warmContexts()).containsExactly("bash");
    Path manifest = built.directory().resolve("manifest.json");
    String text = Files.readString(manifest);
    Files.writeString(manifest, text.replaceFirst(",\\s*\"warm_contexts\"\\s*:\\s*\\[[^]]*]", ""));
    assertThat(Files.readString(manifest)).doesNotContain("warm_contexts");
    assertThat(Manifest.load(built.directory()).orElseThrow().warmContexts()).isEmpty();
  }

  private BuiltTemplate put(String name, String digest, Instant at) throws IOException {
    Path build = Files.createDirectories(folder.resolve(name).resolve(digest));
    Manifest manifest =
        new Manifest(
            1,
            name,
            digest,
            digest,
            at.toString(),
            "amd64",
            "debian",
            "trixie",
            "6.12",
            2,
            512 << 20,
            3,
            4,
            5,
            "pass",
            List.of("bash"));
    Files.writeString(build.resolve("disk.raw"), "123");
    Files.writeString(build.resolve("vmlinuz"), "1234");
    Files.writeString(build.resolve("initrd"), "12345");
    Files.writeString(build.resolve("manifest.json"), manifest.json());
    return Manifest.load(build).orElseThrow();
  }
}
