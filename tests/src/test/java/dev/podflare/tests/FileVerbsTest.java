package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Sandbox;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The verbs {@code cp}, {@code cat}, {@code files} and {@code sync}, as processes. */
@OnPlatform
@Order(48)
class FileVerbsTest {
  @TempDir Path folder;

  private final TestPlatform platform;
  private Sandbox sandbox;

  FileVerbsTest(TestPlatform platform) {
    this.platform = platform;
  }

  @BeforeEach
  void create() {
    sandbox = platform.createWarm();
  }

  @AfterEach
  void delete() {
    sandbox.delete();
  }

  private record Ran(int code, String out, String err) {}

  private Ran podflare(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(DaemonProcess.java("-Xmx128m"));
    command.addAll(List.of(arguments));
    Path out = Files.createTempFile("out", "");
    Path err = Files.createTempFile("err", "");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
      builder
          .environment()
          .putAll(
              Map.of(
                  "PODFLARE_API_URL", platform.uri.toString(), "PODFLARE_API_KEY", platform.key));
      Process process = builder.start();
      try {
        assertThat(process.waitFor(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      } finally {
        process.destroyForcibly();
      }
      return new Ran(process.exitValue(), Files.readString(out), Files.readString(err));
    } finally {
      Files.delete(out);
      Files.delete(err);
    }
  }

  private Ran good(String... arguments) throws Exception {
    Ran ran = podflare(arguments);
    assertThat(ran.code()).as("%s", ran).isZero();
    return ran;
  }

  private Path write(String name, String text) throws IOException {
    Path path = folder.resolve(name);
    Files.createDirectories(path.getParent());
    return Files.writeString(path, text);
  }

  private String at(String path) {
    return sandbox.id() + ":" + path;
  }

  @Test
  void filesAndFoldersAreCopiedBothWays() throws Exception {
    Path file = write("a word", "hello\n");
    Ran up = good("cp", file.toString(), at("/root/"));
    assertThat(up.out()).isEmpty();
    assertThat(good("cat", at("a word")).out()).isEqualTo("hello\n");
    assertThat(good("files", at("/root")).out()).contains("a word");
    write("tree/below/x", "x");
    Files.createSymbolicLink(folder.resolve("tree/link"), Path.of("below/x"));
    good("cp", folder.resolve("tree").toString(), at("/srv"));
    assertThat(bash(sandbox, "cat /srv/tree/link")).isEqualTo("x");
    good("cp", at("/srv/tree"), folder.resolve("back").toString());
    assertThat(folder.resolve("back/below/x")).hasContent("x");
    assertThat(folder.resolve("back/link")).isSymbolicLink();
    assertThat(podflare("cp", at("/root/nowhere"), folder.resolve("n").toString()).code())
        .isEqualTo(2);
    assertThat(folder.resolve("n")).doesNotExist();
  }

  @Test
  void aFolderOfThisMachineIsKeptTheSameInASandbox() throws Exception {
    write("p/src/main.py", "print(1)");
    write("p/src/odd \n é", "odd");
    write("p/.git/objects/one", "no");
    write("p/data", "1");
    Files.setPosixFilePermissions(
        folder.resolve("p/src/main.py"), PosixFilePermissions.fromString("rwxr-x---"));
    Files.createSymbolicLink(folder.resolve("p/link"), Path.of("src/main.py"));
    String from = folder.resolve("p").toString();
    String[] sync = {"sync", from, at("/root/p"), "--exclude", ".git", "--delete"};
    assertThat(good(sync).out()).contains("5 copied", "0 removed, 0 the same");
    assertThat(bash(sandbox, "cd p; stat -c %a src/main.py; cat link; ls -A; cat src/odd*"))
        .isEqualTo("750\nprint(1)data\nlink\nsrc\nodd");
    assertThat(good(sync).out()).startsWith("0 copied (0 bytes), 0 removed, 5 the same");

    bash(
        sandbox,
        "cd p; echo other > data; mkdir -p extra/.git; echo mine > extra/.git/x; touch extra/y");
    Files.delete(folder.resolve("p/link"));
    write("p/link/now", "a folder");
    write("p/src/new", "new");
    Ran dry = good("sync", from, at("p"), "--exclude", ".git", "--delete", "--dry-run", "--json");
    assertThat(dry.out())
        .contains("\"link\"", "\"link/now\"", "\"extra/y\"")
        .doesNotContain("main.py");
    assertThat(bash(sandbox, "cat p/data")).isEqualTo("other");
    good(sync);
    // What is excluded is left alone, and so is the folder that it is in.
    assertThat(bash(sandbox, "cd p; cat data link/now src/new; ls extra; cat extra/.git/x"))
        .isEqualTo("1a foldernewmine");
    assertThat(good(sync).out()).startsWith("0 copied");
  }

  @Test
  void aFolderOfASandboxIsKeptTheSameOnThisMachineAndNothingIsWrittenThroughItsLinks()
      throws Exception {
    bash(
        sandbox,
        "mkdir -p p/a; echo one > p/a/1; chmod 640 p/a/1; ln -s /etc/hostname p/l; mkfifo p/pipe; touch $'p/\\xff'");
    Path to = folder.resolve("there");
    Ran first = podflare("sync", at("p"), to.toString());
    // Two names could not be copied.
    assertThat(first.code()).isEqualTo(1);
    assertThat(first.out()).contains("3 copied (4 bytes)", "skip   pipe");
    assertThat(to.resolve("a/1")).hasContent("one");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(to.resolve("a/1"))))
        .isEqualTo("rw-r-----");
    assertThat(Files.readSymbolicLink(to.resolve("l"))).hasToString("/etc/hostname");
    assertThat(podflare("sync", at("p"), to.toString()).out()).contains("0 copied", "3 the same");

    // The folder becomes a link to a place of this machine, and then a folder with files again.
    Path precious = Files.createDirectory(folder.resolve("precious"));
    bash(sandbox, "cd p; rm -r pipe a $'\\xff'; ln -s " + precious + " a");
    good("sync", at("p"), to.toString(), "--delete");
    assertThat(to.resolve("a")).isSymbolicLink();
    bash(sandbox, "cd p; rm a l; mkdir a; echo bad > a/1; echo " + "x".repeat(100) + " > a/2");
    Ran last = good("sync", at("p"), to.toString(), "--delete");
    assertThat(last.out()).contains("3 copied (105 bytes), 2 removed");
    assertThat(precious).isEmptyDirectory();
    assertThat(Files.isDirectory(to.resolve("a"), LinkOption.NOFOLLOW_LINKS)).isTrue();
    assertThat(to.resolve("l")).doesNotExist();
    assertThat(Files.readString(to.resolve("a/1"), StandardCharsets.UTF_8)).isEqualTo("bad\n");

    assertThat(podflare("sync", at("/root/none"), to.toString(), "--delete").code()).isEqualTo(2);
    assertThat(to.resolve("a/1")).exists();
    assertThat(podflare("sync", to.toString(), folder.toString()).code()).isEqualTo(2);
  }
}
