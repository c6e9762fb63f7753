package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One line of secret text in a file of the data folder that only its owner can read. Immutable.
 *
 * @param text the secret
 * @param made whether this start made it
 */
record SecretFile(String text, boolean made) {
  private static final Logger LOG = LoggerFactory.getLogger(SecretFile.class);
  private static final Pattern FORM = Pattern.compile("[!-~]{16,200}");
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rw-------");

  /** Reads it, or makes it if it is not there. */
  static SecretFile open(Path file, Supplier<String> maker) {
    try {
      Path folder = file.getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
      return Files.exists(file) ? read(file) : make(file, maker.get());
    } catch (IOException failed) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "cannot read or write " + file + ": " + failed, failed);
    }
  }

  private static SecretFile read(Path file) throws IOException {
    String text = Files.readString(file, StandardCharsets.ISO_8859_1).strip();
    if (!FORM.matcher(text).matches()) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          file + " holds no key; delete it and a new one is made at the next start");
    }
    Set<PosixFilePermission> extra = EnumSet.copyOf(Files.getPosixFilePermissions(file));
    extra.removeAll(OWNER_ONLY);
    if (!extra.isEmpty()) {
      LOG.warn("{} can be read by others; its mode should be 0600", file);
    }
    return new SecretFile(text, false);
  }

  /** Whole or not at all, and at no moment readable by others. */
  private static SecretFile make(Path file, String text) throws IOException {
    Path half = file.resolveSibling(file.getFileName() + ".new");
    Files.deleteIfExists(half);
    try (FileChannel channel =
        FileChannel.open(
            half,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(OWNER_ONLY))) {
      ByteBuffer bytes = ByteBuffer.wrap((text + "\n").getBytes(StandardCharsets.US_ASCII));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    Files.move(half, file, StandardCopyOption.ATOMIC_MOVE);
    return new SecretFile(text, true);
  }

  @Override
  public String toString() {
    return "SecretFile[made=" + made + "]";
  }
}
