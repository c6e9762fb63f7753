package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.ByteBuffer;
import java.util.function.IntFunction;

/**
 * The head of one entry of a folder, as the guest's files worker sends and takes it ({@code
 * file_tree.py}). The bytes of a file follow it.
 *
 * @param kind {@code f} file, {@code d} folder, {@code l} symbolic link, {@code h} hard link
 * @param mode permission bits
 * @param name relative to the folder, without {@code .} and {@code ..}
 * @param target of a link
 */
@SuppressWarnings("ArrayRecordComponent") // passed on, never compared
record TreeRecord(
    char kind,
    int mode,
    int user,
    int group,
    long modifiedNanos,
    long size,
    byte[] name,
    byte[] target) {
  static final int HEAD = 1 + 2 + 4 + 4 + 8 + 8 + 2 + 2;
  static final int LONGEST_NAME = 4096;

  byte[] bytes() {
    return ByteBuffer.allocate(HEAD + name.length + target.length)
        .put((byte) kind)
        .putShort((short) mode)
        .putInt(user)
        .putInt(group)
        .putLong(modifiedNanos)
        .putLong(size)
        .putShort((short) name.length)
        .putShort((short) target.length)
        .put(name)
        .put(target)
        .array();
  }

  private static PodflareException bad() {
    return new PodflareException(
        ErrorCode.BAD_GUEST_ANSWER, "the guest's list of a folder cannot be read");
  }

  /** Reads what a guest says, which is not trusted. {@code names}: gives that many bytes. */
  static TreeRecord read(byte[] head, IntFunction<byte[]> names) {
    ByteBuffer buffer = ByteBuffer.wrap(head);
    char kind = (char) (buffer.get() & 0xff);
    int mode = buffer.getShort() & 07777;
    int user = buffer.getInt();
    int group = buffer.getInt();
    long modified = buffer.getLong();
    long size = buffer.getLong();
    int nameLength = buffer.getShort() & 0xffff;
    int targetLength = buffer.getShort() & 0xffff;
    if ("fdl".indexOf(kind) < 0
        || size < 0
        || (kind != 'f' && size != 0)
        || nameLength == 0
        || nameLength > LONGEST_NAME
        || targetLength > LONGEST_NAME) {
      throw bad();
    }
    byte[] name = names.apply(nameLength);
    if (!TarNames.isPlain(name)) {
      throw bad();
    }
    return new TreeRecord(kind, mode, user, group, modified, size, name, names.apply(targetLength));
  }
}
