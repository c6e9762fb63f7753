package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.FullDisk;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;

/** Says in Podflare's codes why a file system refused. Java has no types for most of it. */
final class FolderErrors {
  private FolderErrors() {}

  static PodflareException of(Path root, IOException cause) {
    String reason = String.valueOf(cause.getMessage());
    if (FullDisk.isMeant(cause)) {
      return new PodflareException(
          ErrorCode.STORE_FULL, "the checkpoint store's disk is full: " + root, cause);
    }
    if (cause instanceof AccessDeniedException || reason.contains("Read-only file system")) {
      return new PodflareException(
          ErrorCode.STORE_DENIED,
          "the checkpoint store's folder may not be read or written: " + root + ": " + reason,
          cause);
    }
    return new PodflareException(
        ErrorCode.STORE_UNAVAILABLE,
        "the checkpoint store's folder failed: " + root + ": " + reason,
        cause);
  }
}
