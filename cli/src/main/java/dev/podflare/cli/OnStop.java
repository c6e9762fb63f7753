package dev.podflare.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** What becomes of the sandboxes when the daemon is told to end. */
enum OnStop {
  /** Persistent ones are frozen, others closed; the host is left as it was. */
  END,

  /** They go on, for the next daemon to take over; if the host itself ends, as {@link #END}. */
  KEEP;

  private static final Path SYSTEMD = Path.of("/run/systemd/system");

  /** Whether they go on, if the daemon is told to end now. */
  boolean keepsNow() {
    return this == KEEP && !hostIsEnding();
  }

  /** As systemd says; without it nobody can tell, and a host that ends takes all with it anyway. */
  private static boolean hostIsEnding() {
    if (!Files.isDirectory(SYSTEMD)) {
      return false;
    }
    try {
      Process process =
          new ProcessBuilder("systemctl", "is-system-running").redirectErrorStream(true).start();
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return false;
      }
      byte[] answer = process.getInputStream().readAllBytes();
      return new String(answer, StandardCharsets.UTF_8).strip().equals("stopping");
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
