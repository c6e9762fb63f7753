package dev.podflare.volume;

import java.nio.ByteBuffer;
import java.util.HexFormat;

/**
 * By which a guest names a file. It holds as long as the file is there: over restarts of the
 * daemon, and in copies of the guest. It opens nothing: whether the asker has the volume mounted is
 * looked up at each call, and all files of one volume are for whoever has it.
 *
 * @param volume 32 hexadecimal digits
 */
record FileHandle(String volume, long inode) {
  /** Longest that the protocol has. */
  static final int MOST = 64;

  private static final int MAGIC = 0x70667631;
  private static final int LENGTH = 28;

  static FileHandle read(XdrReader in) throws BadCallException {
    ByteBuffer bytes = in.slice(MOST);
    if (bytes.remaining() != LENGTH || bytes.getInt() != MAGIC) {
      throw new NfsFault(NfsStatus.BADHANDLE);
    }
    byte[] id = new byte[16];
    bytes.get(id);
    return new FileHandle(HexFormat.of().formatHex(id), bytes.getLong());
  }

  byte[] bytes() {
    return ByteBuffer.allocate(LENGTH)
        .putInt(MAGIC)
        .put(HexFormat.of().parseHex(volume))
        .putLong(inode)
        .array();
  }
}
