package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import javax.crypto.SecretKey;

/**
 * Small values that lie in the records as text that only this key opens: AES-256-GCM, each bound to
 * a name. Thread-safe.
 */
public final class SealedValues {
  private static final String PURPOSE = "podflare sealed values 1";

  private final SecretKey key;

  private SealedValues(StoreKey key) {
    this.key = AesCipher.derive(key.bytes(), PURPOSE, "AES");
  }

  public static SealedValues of(StoreKey key) {
    return new SealedValues(key);
  }

  /**
   * With the key in a file, which is made if there is none, readable by its owner alone.
   *
   * @throws PodflareException {@code host_not_ready} if that cannot be done
   */
  public static SealedValues of(Path file) {
    try {
      if (!Files.exists(file)) {
        make(file);
      }
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "no key for secrets can be kept in " + file, e);
    }
    return new SealedValues(StoreKey.read(file));
  }

  private static void make(Path file) throws IOException {
    byte[] bytes = new byte[StoreKey.BYTES];
    new SecureRandom().nextBytes(bytes);
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    Files.deleteIfExists(draft);
    Files.createFile(
        draft, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(
        draft,
        HexFormat.of().formatHex(bytes) + "\n",
        StandardOpenOption.WRITE,
        StandardOpenOption.SYNC);
    try {
      Files.createLink(file, draft); // never over one that somebody else has just made
    } catch (FileAlreadyExistsException another) {
      // It is as good.
    } finally {
      Files.deleteIfExists(draft);
    }
    try (FileChannel folder = FileChannel.open(draft.toAbsolutePath().getParent())) {
      folder.force(true); // what is sealed by it must not outlive it
    }
  }

  /** Text of the alphabet of Base64. */
  public String seal(String name, byte[] value) {
    return Base64.getEncoder()
        .encodeToString(AesCipher.encrypt(key, name.getBytes(StandardCharsets.UTF_8), value));
  }

  /**
   * The value again; the caller's to wipe.
   *
   * @throws PodflareException {@code invalid_config} if it was sealed by another key, or for
   *     another name
   */
  public byte[] open(String name, String sealed) {
    try {
      return AesCipher.decrypt(
          key, name.getBytes(StandardCharsets.UTF_8), Base64.getDecoder().decode(sealed));
    } catch (DamagedException | IllegalArgumentException e) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "this server's key does not open the secret", e);
    }
  }

  @Override
  public String toString() {
    return "SealedValues";
  }
}
