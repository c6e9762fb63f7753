package dev.podflare.common;

import java.io.IOException;

/** Tells a full disk from other failures of files; Java has no type for it. Stateless. */
public final class FullDisk {
  private FullDisk() {}

  public static boolean isMeant(IOException failure) {
    String reason = String.valueOf(failure.getMessage());
    return reason.contains("No space left") || reason.contains("quota exceeded");
  }

  /**
   * For a file of a machine: {@code HOST_FULL} if its disk is full, since that passes, else {@code
   * INTERNAL}.
   *
   * @param what could not be done
   */
  public static PodflareException orFault(String what, IOException failure) {
    return isMeant(failure)
        ? new PodflareException(ErrorCode.HOST_FULL, "the host's disk is full: " + what, failure)
        : new PodflareException(ErrorCode.INTERNAL, what, failure);
  }
}
