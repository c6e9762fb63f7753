package dev.podflare.cli;

import dev.podflare.client.SandboxFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;

/** Carries out a plan for a folder of a sandbox: all that is copied goes there as one archive. */
final class SyncUp {
  private SyncUp() {}

  static void run(SyncPlan plan, Path from, SandboxFiles files, String to, CopyProgress progress)
      throws IOException {
    for (String name : plan.removed()) {
      files.delete(to + "/" + name, true);
    }
    if (plan.copied().isEmpty()) {
      return;
    }
    Path list = Files.createTempFile("podflare-sync", ".list");
    try {
      String names =
          plan.copied().keySet().stream().map(it -> "./" + it).collect(Collectors.joining("\0"));
      Files.writeString(list, names + "\0", StandardCharsets.UTF_8);
      try (TarProcess tar = TarProcess.pack(from, list)) {
        var ignored = files.unpack(to, () -> progress.count(tar.output()), true);
        tar.finish();
      }
    } finally {
      Files.delete(list);
    }
  }
}
