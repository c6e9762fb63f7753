package dev.podflare.image;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;

/**
 * vCPUs and memory of a machine; fixed at boot, so each (template, shape) has its own checkpoint.
 *
 * @param vcpus 1 to 64
 * @param memory 128 MiB to 1 TiB, whole MiB
 */
public record Shape(int vcpus, DataSize memory) {
  private static final DataSize LEAST = DataSize.ofMebibytes(128);
  private static final DataSize MOST = DataSize.ofGibibytes(1024);

  public Shape {
    if (vcpus < 1 || vcpus > 64) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "vcpus must be 1 to 64, not " + vcpus + ".");
    }
    if (memory.compareTo(LEAST) < 0 || memory.compareTo(MOST) > 0) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "memory must be " + LEAST + " to " + MOST + ", not " + memory + ".");
    }
    if (memory.bytes() % (1 << 20) != 0) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "memory must be whole MiB, not " + memory.bytes() + " bytes.");
    }
  }

  /** For names of folders and log lines, for example {@code 2x1024}. */
  @Override
  public String toString() {
    return vcpus + "x" + memory.mebibytes();
  }
}
