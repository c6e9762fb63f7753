package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Settings below {@code /proc/sys/net}. They are those of the network namespace of the thread that
 * asks. Stateless.
 */
final class Sysctl {
  private static final Path NET = Path.of("/proc/sys/net");

  private Sysctl() {}

  /** The value; empty if the kernel has no such setting. */
  static Optional<String> read(String name) {
    try {
      return Optional.of(Files.readString(NET.resolve(name)).strip());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.HOST_NOT_READY, "cannot read net/" + name, e);
    }
  }

  static void write(String name, String value) {
    try {
      Files.writeString(NET.resolve(name), value);
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "cannot set net/" + name + " to " + value + "; run as root", e);
    }
  }

  /** Writes if the kernel has the setting: one without IPv6 has none of it. */
  static void writeIfThere(String name, String value) {
    if (Files.exists(NET.resolve(name))) {
      write(name, value);
    }
  }
}
