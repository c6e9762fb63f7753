package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RootTreeTest {
  @TempDir Path folder;
  private Path outside;
  private RootTree tree;

  @BeforeEach
  void makeTree() throws IOException {
    outside = Files.createDirectory(folder.resolve("outside"));
    Files.createDirectories(folder.resolve("root/usr/sbin"));
    Files.createSymbolicLink(folder.resolve("root/sbin"), Path.of("usr/sbin"));
    tree = new RootTree(folder.resolve("root"));
  }

  @Test
  void followsLinksAsTheGuestWould() throws IOException {
    Files.createSymbolicLink(folder.resolve("root/etc"), outside);
    Files.createSymbolicLink(folder.resolve("root/up"), Path.of("../../../../../top"));
    tree.write(file("/sbin/init", 0755));
    tree.write(file("/etc/x", 0600));
    tree.write(file("/up/y", 0644));
    assertThat(folder.resolve("root/usr/sbin/init")).isExecutable().hasContent("hello");
    assertThat(outside).isEmptyDirectory();
    assertThat(Path.of(folder.resolve("root") + outside.toString()).resolve("x")).exists();
  }

  @Test
  void finalLinkIsFollowedInside() throws IOException {
    Path secret = Files.writeString(outside.resolve("secret"), "keep");
    Files.createSymbolicLink(folder.resolve("root/link"), secret);
    tree.write(file("/link", 0644));
    assertThat(secret).hasContent("keep");
  }

  @Test
  void modeIsExact() throws IOException {
    tree.write(file("/opt/tool", 04711));
    assertThat(Files.getAttribute(folder.resolve("root/opt/tool"), "unix:mode")).isEqualTo(0104711);
  }

  @Test
  void circleOfLinksIsRefused() throws IOException {
    Files.createSymbolicLink(folder.resolve("root/a"), Path.of("/b"));
    Files.createSymbolicLink(folder.resolve("root/b"), Path.of("/a"));
    assertThatThrownBy(() -> tree.write(file("/a", 0644))).hasMessageContaining("symbolic links");
  }

  @Test
  void deletingRemovesLinksAndNotWhatTheyLeadTo() throws IOException {
    Files.writeString(outside.resolve("keep"), "");
    Files.createSymbolicLink(folder.resolve("root/usr/link"), outside);
    tree.delete("/usr");
    assertThat(folder.resolve("root/usr")).doesNotExist();
    assertThat(outside.resolve("keep")).exists();
  }

  private static GuestFile file(String path, int mode) {
    return new GuestFile(path, "hello".getBytes(StandardCharsets.UTF_8), mode);
  }
}
