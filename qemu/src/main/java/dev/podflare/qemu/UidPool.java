package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.BitSet;

/**
 * User numbers for machines, one each, from a range of this daemon's own far above those of people
 * and services. Thread-safe.
 */
final class UidPool {
  private static final int RANGES_START = 1_000_000_000;
  private static final int RANGES = 1 << 14;
  static final int RANGE = 1 << 16;

  private final int start;
  private final BitSet used = new BitSet();

  UidPool(String instance) {
    start = RANGES_START + (int) (Long.parseLong(instance, 16) % RANGES) * RANGE;
  }

  synchronized int acquire() {
    int slot = used.nextClearBit(0);
    if (slot >= RANGE) {
      throw new PodflareException(ErrorCode.HOST_FULL, "all " + RANGE + " user numbers are in use");
    }
    used.set(slot);
    return start + slot;
  }

  /** Takes a number that a machine has already. */
  synchronized void reserve(int uid) {
    if (uid < start || uid >= start + RANGE) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "user number " + uid + " is not ours");
    }
    used.set(uid - start);
  }

  synchronized void release(int uid) {
    used.clear(uid - start);
  }
}
