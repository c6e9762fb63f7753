package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;

/**
 * A regular file that is put into the guest's root disk, owned by root.
 *
 * @param path absolute path in the guest, without {@code .} and {@code ..}
 * @param bytes content; not copied, so do not change it afterwards
 * @param mode permission bits, 0 to 07777
 */
@SuppressWarnings("ArrayRecordComponent") // never compared; the digest covers the content
public record GuestFile(String path, byte[] bytes, int mode) {
  public GuestFile {
    boolean plain = path.startsWith("/") && !path.endsWith("/") && path.length() <= 4096;
    for (String name : plain ? path.substring(1).split("/", -1) : new String[0]) {
      plain &= !name.isEmpty() && !name.equals(".") && !name.equals("..");
      plain &= name.chars().noneMatch(Character::isISOControl);
    }
    if (!plain) {
      throw new PodflareException(
          ErrorCode.INVALID_RECIPE,
          "A file's path must be absolute and plain, like /opt/data.csv, not '" + path + "'.");
    }
    if (mode < 0 || mode > 07777) {
      throw new PodflareException(
          ErrorCode.INVALID_RECIPE,
          "The mode of "
              + path
              + " must be octal 0000 to 7777, not "
              + Integer.toOctalString(mode));
    }
  }
}
