package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.FileDiff;
import dev.podflare.client.FileDiff.FileChange;
import dev.podflare.client.Sandbox;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** What the files of one sandbox have that another's have not. */
@OnPlatform
@Order(38)
class DiffTest {
  private final TestPlatform platform;

  DiffTest(TestPlatform platform) {
    this.platform = platform;
  }

  @Test
  void aBranchsChangesAreToldWithPatches() throws Exception {
    try (Sandbox parent = platform.createWarm()) {
      bash(
          parent,
          "cd /root; mkdir d; echo same > same; printf 'a\\nb\\nc\\n' > text; echo x > gone;"
              + " echo m > mode; echo t > touched; head -c 100000 /dev/zero > big");
      Sandbox child = parent.fork(1).getFirst();
      assertThat(parent.diff(child, List.of(), true).isEmpty()).isTrue();
      // No sync: some of it is in the page cache only.
      bash(
          child,
          "cd /root; sed -i s/b/B/ text; rm gone; chmod 600 mode; touch touched; mkdir d/new;"
              + " printf 'naïve' > 'd/new/ü\"x'; ln -s text link; printf '\\0' >> big");
      FileDiff diff = parent.diff(child, List.of(), true);
      assertThat(paths(diff.added()))
          .containsExactly("/root/d/new", "/root/d/new/ü\"x", "/root/link");
      assertThat(paths(diff.removed())).containsExactly("/root/gone");
      assertThat(paths(diff.modified())).containsExactly("/root/big", "/root/mode", "/root/text");
      FileChange text = diff.modified().get(2);
      assertThat(text.patch().orElseThrow()).contains("\n-b\n+B\n");
      assertThat(text.sha256()).contains(sha256("a\nB\nc\n"));
      assertThat(diff.modified().get(1).mode()).isEqualTo("0600");
      assertThat(diff.modified().get(0).patch()).isEmpty();
      assertThat(diff.added().get(1).patch().orElseThrow()).contains("+naïve");
      assertThat(diff.added().get(0).type()).isEqualTo("directory");
      assertThat(diff.added().get(2).type()).isEqualTo("link");
      FileDiff back = child.diff(parent, List.of("/root"), false);
      assertThat(paths(back.added())).containsExactly("/root/gone");
      assertThat(back.added().getFirst().patch()).isEmpty();
      child.close();
    }
  }

  @Test
  void siblingsAndStrangersAreComparedToo() {
    try (Sandbox parent = platform.createWarm();
        Sandbox stranger = platform.create()) {
      bash(parent, "echo old > /root/old");
      List<Sandbox> children = parent.fork(2);
      bash(children.get(0), "echo one > /root/old");
      bash(children.get(1), "echo two > /root/old");
      FileDiff siblings = children.get(0).diff(children.get(1), List.of("/root"), true);
      assertThat(siblings.modified().getFirst().patch().orElseThrow()).contains("\n-one\n+two\n");
      assertThat(paths(stranger.diff(parent, List.of("/root"), false).added()))
          .containsExactly("/root/old");
      children.forEach(Sandbox::close);
    }
  }

  /** The guest's clock stood still meanwhile: both versions may have the same time. */
  @Test
  void aChangeAtTheMomentOfTheForkIsSeen() {
    String write = "import os; fd = os.open('/root/f', os.O_CREAT | os.O_WRONLY)\n";
    try (Sandbox parent = platform.createWarm()) {
      python(parent, write + "os.pwrite(fd, b'a', 0)");
      Sandbox child = parent.fork(1).getFirst();
      python(parent, "os.pwrite(fd, b'b', 0)");
      assertThat(paths(parent.diff(child, List.of("/root"), false).modified()))
          .containsExactly("/root/f");
      child.close();
    }
  }

  @Test
  void whatCannotBeComparedIsRefused() {
    try (Sandbox parent = platform.createWarm()) {
      Sandbox child = parent.fork(1).getFirst();
      assertThatThrownBy(() -> parent.diff(child, List.of("relative"), false))
          .isInstanceOfSatisfying(
              ApiException.class, e -> assertThat(e.code()).isEqualTo("invalid_field"));
      assertThat(parent.diff(child, List.of("/no/such"), false).isEmpty()).isTrue();
      child.delete();
      assertThatThrownBy(() -> parent.diff(child, List.of(), false))
          .isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.code()).isEqualTo("gone"));
    }
  }

  private static List<String> paths(List<FileChange> changes) {
    return changes.stream().map(FileChange::path).toList();
  }

  private static String sha256(String text) throws Exception {
    return HexFormat.of()
        .formatHex(
            MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
  }
}
