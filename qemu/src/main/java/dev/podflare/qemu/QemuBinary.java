package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A QEMU of this host. */
record QemuBinary(Path path, String version) {
  private static final Pattern VERSION = Pattern.compile("version (\\d+\\.\\d+(?:\\.\\d+)?)");

  /**
   * Not the smaller qemu-system-x86_64-microvm: Debian builds it without the seccomp filter that is
   * part of the jail.
   */
  static final Path FULL = Path.of("/usr/bin/qemu-system-x86_64");

  static Optional<Path> find() {
    return Files.isExecutable(FULL) ? Optional.of(FULL) : Optional.empty();
  }

  static QemuBinary of(Path path) {
    try {
      Process process =
          new ProcessBuilder(path.toString(), "--version").redirectErrorStream(true).start();
      String text;
      try (var in = process.getInputStream()) {
        text = new String(in.readNBytes(4096), StandardCharsets.UTF_8);
      }
      Matcher matcher = VERSION.matcher(text);
      if (process.waitFor(10, TimeUnit.SECONDS) && matcher.find()) {
        return new QemuBinary(path, matcher.group(1));
      }
      throw new PodflareException(ErrorCode.HOST_NOT_READY, path + " says: " + text);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.HOST_NOT_READY, "cannot run " + path, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.HOST_NOT_READY, "interrupted", e);
    }
  }
}
