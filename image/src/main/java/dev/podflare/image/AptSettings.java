package dev.podflare.image;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The host's apt options that say how archives are reached; mmdebstrap itself ignores them. */
final class AptSettings {
  private static final List<String> KEYS =
      List.of(
          "Acquire::http::Proxy",
          "Acquire::https::Proxy",
          "Acquire::https::CaInfo",
          "Acquire::Check-Valid-Until",
          "Acquire::Check-Date");
  private static final int MAX_BYTES = 1 << 20;

  private AptSettings() {}

  /** Lines like {@code Acquire::Check-Date "false"}; none when apt does not answer in 10 s. */
  static List<String> ofHost() {
    Process process;
    try {
      process =
          new ProcessBuilder("/usr/bin/apt-config", "dump", "--format", "%f \"%v\"%n", "Acquire")
              .redirectError(Redirect.DISCARD)
              .start();
    } catch (IOException e) {
      return List.of();
    }
    try (var output = process.getInputStream()) {
      process.getOutputStream().close();
      String text = new String(output.readNBytes(MAX_BYTES), StandardCharsets.UTF_8);
      return process.waitFor(10, TimeUnit.SECONDS) ? wanted(text) : List.of();
    } catch (IOException e) {
      return List.of();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of();
    } finally {
      process.destroyForcibly();
    }
  }

  static List<String> wanted(String dump) {
    return dump.lines()
        .filter(line -> KEYS.stream().anyMatch(key -> line.startsWith(key + " \"")))
        .filter(line -> !line.endsWith(" \"\""))
        .toList();
  }
}
