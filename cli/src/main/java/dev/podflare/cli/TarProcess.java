package dev.podflare.cli;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** The system's {@code tar} for folders of this machine. One thread. */
final class TarProcess implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 60;

  private final Process process;

  private TarProcess(ProcessBuilder builder) throws IOException {
    process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  static TarProcess pack(Path folder) throws IOException {
    return new TarProcess(
        new ProcessBuilder("tar", "-C", folder.toString(), "--format=gnu", "-cf", "-", "."));
  }

  /**
   * Only some of a folder.
   *
   * @param names file of paths from the folder on, each with a zero behind it; of a folder nothing
   *     but itself is packed
   */
  static TarProcess pack(Path folder, Path names) throws IOException {
    return new TarProcess(
        new ProcessBuilder(
            "tar",
            "-C",
            folder.toString(),
            "--format=gnu",
            "--no-recursion",
            "--null",
            "-T",
            names.toString(),
            "-cf",
            "-"));
  }

  /** Owners are of another machine, and links are made last, so that nothing goes through one. */
  static TarProcess unpack(Path folder) throws IOException {
    return new TarProcess(
        new ProcessBuilder("tar", "-C", folder.toString(), "--no-same-owner", "-xf", "-"));
  }

  InputStream output() {
    return process.getInputStream();
  }

  OutputStream input() {
    return process.getOutputStream();
  }

  /** Waits for it. */
  void finish() throws IOException {
    input().close();
    try {
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new PodflareException(ErrorCode.INTERNAL, "tar failed");
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", interrupted);
    }
  }

  @Override
  public void close() {
    process.destroy();
  }
}
