package dev.podflare.qemu;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.FullDisk;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Writes empty qcow2 files, since {@code qemu-img} costs a process. No backing file is named in the
 * header: the chain is stated when it is opened, so that a header, which QEMU can write, is never
 * trusted. Format: docs/interop/qcow2.txt of QEMU, version 3. Stateless.
 */
public final class Qcow2 {
  private static final int MAGIC = 0x514649fb;
  private static final int VERSION = 3;
  private static final int CLUSTER_BITS = 16;
  private static final long CLUSTER = 1L << CLUSTER_BITS;
  private static final int HEADER_LENGTH = 104;
  private static final int REFCOUNT_ORDER = 4; // 16-bit reference counts
  private static final long L2_ENTRIES = CLUSTER / Long.BYTES;

  private Qcow2() {}

  /**
   * Makes an empty file that shows {@code size} bytes of its backing disk. Clusters: 0 header, 1
   * reference count table, 2 its one block, 3… the L1 table.
   */
  public static void create(Path file, DataSize size) {
    long l1Entries = Math.ceilDiv(size.bytes(), CLUSTER * L2_ENTRIES);
    long l1Clusters = Math.ceilDiv(l1Entries * Long.BYTES, CLUSTER);
    long clusters = 3 + l1Clusters;
    if (size.bytes() == 0 || size.bytes() % 512 != 0 || clusters > CLUSTER / Short.BYTES) {
      throw new PodflareException(ErrorCode.INVALID_FIELD, "not a disk size: " + size);
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) (3 * CLUSTER));
    bytes.putInt(MAGIC).putInt(VERSION);
    bytes.putLong(0).putInt(0); // no backing file
    bytes.putInt(CLUSTER_BITS).putLong(size.bytes());
    bytes.putInt(0); // no encryption
    bytes.putInt((int) l1Entries).putLong(3 * CLUSTER);
    bytes.putLong(CLUSTER).putInt(1); // reference count table
    bytes.putInt(0).putLong(0); // no snapshots
    bytes.putLong(0).putLong(0).putLong(0); // no feature bits
    bytes.putInt(REFCOUNT_ORDER).putInt(HEADER_LENGTH);
    bytes.putLong((int) CLUSTER, 2 * CLUSTER);
    for (int cluster = 0; cluster < clusters; cluster++) {
      bytes.putShort((int) (2 * CLUSTER) + cluster * Short.BYTES, (short) 1);
    }
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      writeSparse(out, bytes, 0, HEADER_LENGTH + 8); // 8: end of header extensions
      writeSparse(out, bytes, (int) CLUSTER, Long.BYTES);
      writeSparse(out, bytes, (int) (2 * CLUSTER), (int) clusters * Short.BYTES);
      out.write(ByteBuffer.allocate(1), clusters * CLUSTER - 1);
    } catch (IOException e) {
      throw FullDisk.orFault("cannot make disk layer " + file, e);
    }
  }

  private static void writeSparse(FileChannel out, ByteBuffer bytes, int at, int length)
      throws IOException {
    ByteBuffer part = bytes.slice(at, length);
    while (part.hasRemaining()) {
      out.write(part, at + part.position());
    }
  }
}
