package dev.podflare.store.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A JVM of its own that ends like a killed one, without a chance to tidy up. */
public final class HaltedProcess {
  /** What its main has to halt with, so that a failure is not taken for its end. */
  public static final int DONE = 42;

  private HaltedProcess() {}

  /** Runs a main, and returns what it has left in its folder for temporary files. */
  public static List<Path> leavings(Class<?> main, Path folder)
      throws IOException, InterruptedException {
    Path temporary = Files.createDirectory(folder.resolve("temporary"));
    Path said = folder.resolve("said");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.io.tmpdir=" + temporary,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(said.toFile()))
            .start();
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(said)).isEqualTo(DONE);
    try (Stream<Path> files = Files.list(temporary)) {
      return files.toList();
    }
  }
}
