package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ForkOptions;
import dev.podflare.client.Forked;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.linux.ProcFs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/** Forks of a parent with a data set in memory: its children share it until they write. */
@OnPlatform
@Isolated
@Order(38)
class LargeForkTest {
  private static final int DATA_MEBIBYTES = LongRun.choose(192, 1024);
  private static final int CHILDREN = LongRun.choose(4, 16);
  private static final String FILL =
      "import os, hashlib; data = bytearray(os.urandom(1 << 20)) * " + DATA_MEBIBYTES;
  private static final String DIGEST = "print(hashlib.sha256(data[::64]).hexdigest())";

  private final TestPlatform platform;

  LargeForkTest(TestPlatform platform) {
    this.platform = platform;
  }

  @Test
  void childrenShareADataSetUntilTheyWrite() {
    List<Sandbox> all = new ArrayList<>();
    long images;
    try (Sandbox parent = platform.client.create(roomy())) {
      images = images();
      python(parent, FILL);
      String digest = python(parent, DIGEST);
      Forked forked = parent.fork(ForkOptions.of(CHILDREN));
      all.addAll(forked.children());
      assertThat(forked.timingsMs()).containsKeys("image", "start_blanks");
      assertThat(images()).isEqualTo(images + 1);
      assertShared(forked.children());
      for (Sandbox child : forked.children()) {
        assertThat(python(child, DIGEST)).isEqualTo(digest);
      }
      Sandbox first = forked.children().getFirst();
      python(first, "data[:64] = bytes(64)");
      assertThat(python(first, DIGEST)).isNotEqualTo(digest);
      assertThat(python(forked.children().getLast(), DIGEST)).isEqualTo(digest);
      assertThat(python(parent, DIGEST)).isEqualTo(digest);
      assertChildIsForked(first, all);
    } finally {
      all.forEach(Sandbox::close);
    }
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .untilAsserted(() -> assertThat(images()).isEqualTo(images));
  }

  /** It is restored over the image that it shares, with its own few pages. */
  @Test
  void aChildIsTakenBackToTheDataSetThatItShares() {
    SandboxOptions options =
        SandboxOptions.builder().memoryMebibytes(LongRun.choose(512, 2048)).undo(2).build();
    List<Sandbox> all = new ArrayList<>();
    try (Sandbox parent = platform.client.create(options)) {
      python(parent, FILL);
      String digest = python(parent, DIGEST);
      Forked forked = parent.fork(ForkOptions.of(CHILDREN));
      all.addAll(forked.children());
      assertThat(forked.timingsMs()).containsKeys("image");
      Sandbox child = all.getFirst();
      python(child, "data[:64] = bytes(64); mine = 1");
      child.undo();
      assertThat(python(child, DIGEST)).isEqualTo(digest);
      assertThat(python(child, "print('mine' in globals())")).isEqualTo("False");
    } finally {
      all.forEach(Sandbox::close);
    }
  }

  /** Its own few pages are written into blanks that map the same image. */
  private void assertChildIsForked(Sandbox child, List<Sandbox> all) {
    long images = images();
    Forked forked = child.fork(ForkOptions.of(1));
    all.addAll(forked.children());
    assertThat(forked.timingsMs()).doesNotContainKey("image");
    assertThat(images()).isEqualTo(images);
    assertThat(python(forked.children().getFirst(), DIGEST)).isEqualTo(python(child, DIGEST));
  }

  private static SandboxOptions roomy() {
    return SandboxOptions.builder().memoryMebibytes(LongRun.choose(512, 2048)).build();
  }

  /** All of them together have less of it than two copies. */
  private void assertShared(List<Sandbox> children) {
    long sum = 0;
    for (Sandbox child : children) {
      sum += ProcFs.memory(platform.machine(child).pid(), "Pss");
    }
    long overhead = (120L << 20) * children.size(); // QEMU itself, and what has been written since
    assertThat(sum).isLessThan(((2L * DATA_MEBIBYTES) << 20) + overhead);
  }

  /** Memory images that this process holds. */
  private static long images() {
    try (var files = Files.list(Path.of("/proc/self/fd"))) {
      return files.filter(LargeForkTest::isImage).count();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static boolean isImage(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().contains("podflare-ram");
    } catch (IOException closed) {
      return false;
    }
  }
}
