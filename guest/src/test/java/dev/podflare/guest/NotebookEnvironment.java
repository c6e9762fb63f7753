package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A Python with real packages, made once for all tests. */
final class NotebookEnvironment {
  private static final List<String> PACKAGES =
      List.of(
          "ipython==9.18.1",
          "matplotlib==3.11.2",
          "pandas==3.1.1",
          "plotly==7.1.0",
          "ipykernel==7.4.0",
          "nbclient==0.11.0");

  private NotebookEnvironment() {}

  /** Its folder, with {@code bin/python3}. */
  static synchronized Path install() throws IOException, InterruptedException {
    String name = "notebook-" + Integer.toHexString(PACKAGES.hashCode());
    Path folder = Path.of("target", name).toAbsolutePath();
    Path whole = folder.resolve("whole");
    if (!Files.exists(whole)) {
      run("python3", "-m", "venv", folder + "");
      List<String> command = new ArrayList<>(List.of(folder + "/bin/pip", "install", "-q"));
      command.addAll(PACKAGES);
      run(command.toArray(String[]::new));
      Files.createFile(whole);
    }
    return folder;
  }

  private static void run(String... command) throws IOException, InterruptedException {
    int code = new ProcessBuilder(command).inheritIO().start().waitFor();
    assertThat(code).as(String.join(" ", command)).isZero();
  }
}
