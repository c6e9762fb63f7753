package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Reads files in folders that a jailed process can write to. It may have put a link to a file of
 * the host there, a pipe that never answers, or something endless. Stateless.
 */
public final class UntrustedFile {
  private static final int O_NONBLOCK = 04000;
  private static final int O_NOFOLLOW = 0400000;
  private static final int O_CLOEXEC = 02000000;

  private UntrustedFile() {}

  /** The content of a regular file of at most {@code maxBytes}; anything else is refused. */
  public static byte[] read(Path file, int maxBytes) {
    int fd = Libc.open(file.toString(), O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    try {
      Path opened = Path.of("/proc/self/fd", Integer.toString(fd));
      if (!Files.isRegularFile(opened)) {
        throw refused(file, "is not a regular file");
      }
      try (FileChannel channel = FileChannel.open(opened, StandardOpenOption.READ)) {
        return read(file, channel, maxBytes);
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "cannot read " + file, e);
    } finally {
      Libc.close(fd);
    }
  }

  private static byte[] read(Path file, FileChannel channel, int maxBytes) throws IOException {
    if (channel.size() > maxBytes) {
      throw refused(file, "has " + channel.size() + " bytes, at most " + maxBytes);
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) channel.size());
    while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
      // As much as there was when it was opened.
    }
    byte[] content = new byte[bytes.position()];
    bytes.flip().get(content);
    return content;
  }

  private static PodflareException refused(Path file, String why) {
    return new PodflareException(ErrorCode.MACHINE_FAILED, file + " " + why);
  }
}
