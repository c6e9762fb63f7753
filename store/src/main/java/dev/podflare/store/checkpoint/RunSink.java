package dev.podflare.store.checkpoint;

import java.nio.ByteBuffer;

/** Takes the bytes of a part as they are read. */
@FunctionalInterface
public interface RunSink {
  /**
   * Bytes that are present from {@code offset} on; offsets ascend from call to call.
   *
   * @param bytes at most 256 KiB, read-only, valid until the call returns
   */
  void accept(long offset, ByteBuffer bytes);
}
