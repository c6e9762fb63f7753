package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Finds the processes of a build by their environment. */
final class Marked {
  private Marked() {}

  static List<Long> processes(Path folder) {
    try (Stream<ProcessHandle> all = ProcessHandle.allProcesses()) {
      return all.map(ProcessHandle::pid).filter(pid -> isMarked(pid, folder)).toList();
    }
  }

  static void assertEnded(Path folder) {
    await()
        .atMost(10, TimeUnit.SECONDS)
        .untilAsserted(() -> assertThat(processes(folder)).isEmpty());
  }

  private static boolean isMarked(long pid, Path folder) {
    try {
      byte[] environment = Files.readAllBytes(Path.of("/proc/" + pid + "/environ"));
      return new String(environment, StandardCharsets.UTF_8)
          .contains(Commands.MARK + "=" + folder + "\0");
    } catch (IOException e) {
      return false;
    }
  }
}
