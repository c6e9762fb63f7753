package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.image.Commands.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Needs root, as builds do. */
class CommandsTest {
  @TempDir Path folder;
  private Path log;
  private Commands commands;

  @BeforeEach
  void makeLog() throws IOException {
    log = Files.createFile(folder.resolve("build.log"));
    commands = new Commands(folder, log, folder.resolve("kept.log"));
  }

  @Test
  void failureNamesStepCodeAndLastLines() {
    assertThatThrownBy(() -> run(10, "seq 100; echo '  no such thing' >&2; exit 3"))
        .hasMessageContaining("Step 'try' ended with exit code 3.")
        .hasMessageContaining("kept.log")
        .hasMessageContaining("\n  100\n  no such thing")
        .hasMessageNotContaining("\n  70\n");
  }

  @Test
  void inputAndEnvironmentAreWhatTheCommandSays() throws IOException {
    commands.run(
        new Command(
            "try",
            Duration.ofSeconds(10),
            List.of("sh", "-c", "cat; env | sort"),
            Map.of("A", "b"),
            "typed\n"));
    assertThat(log)
        .content()
        .startsWith("== try\ntyped\nA=b\nHOME=/root\nLANG=C.UTF-8\nPATH=/usr/local/sbin:")
        .contains("PODFLARE_BUILD=" + folder);
  }

  @Test
  void deadlineEndsTheCommandAndItsChildren() {
    assertThatThrownBy(() -> run(1, "sleep 1000 & setsid sleep 1000"))
        .hasMessageContaining("took longer than 1 s");
    assertNothingLeft();
  }

  @Test
  void childrenThatTheCommandLeavesBehindEndWithIt() {
    run(10, "setsid sleep 1000 & exit 0");
    assertNothingLeft();
  }

  @Test
  void floodOfOutputIsEnded() {
    assertThatThrownBy(() -> run(30, "yes")).hasMessageContaining("printed more than 64MiB");
    assertNothingLeft();
  }

  @Test
  void mountsStayWithTheCommand() throws IOException {
    run(10, "mount -t tmpfs none " + folder + " && grep -q " + folder + " /proc/self/mounts");
    assertThat(Path.of("/proc/self/mounts")).content().doesNotContain(folder.toString());
  }

  @Test
  void hintSaysWhatAToolMeant() {
    assertThatThrownBy(() -> run(10, "echo 'E: Unable to locate package jqq'; exit 100"))
        .hasMessageContaining("There is no package jqq in this suite.");
  }

  private void run(int seconds, String script) {
    commands.run(new Command("try", Duration.ofSeconds(seconds), List.of("sh", "-c", script)));
  }

  private void assertNothingLeft() {
    Marked.assertEnded(folder);
  }
}
