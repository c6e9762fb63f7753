package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a file is written: beside its place, then put there by rename.
 *
 * @param mode permission bits; else those of the file that was there, or 0644
 * @param onlyNew {@code PRECONDITION_FAILED} if there is one already
 * @param uploadId what was written is kept under this name if the transfer breaks off, to go on
 * @param offset where to go on; {@code OFFSET_MISMATCH} if other than so many bytes are kept
 * @param last whether the file is whole after this and is put in place
 * @param sync on the guest's disk before it is put in place
 */
public record FileUpload(
    FilePath path,
    OptionalInt mode,
    boolean onlyNew,
    Optional<String> uploadId,
    long offset,
    boolean last,
    boolean sync) {
  public FileUpload {
    uploadId.ifPresent(FileUpload::checkId);
    if (uploadId.isEmpty() && (offset != 0 || !last)) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "an upload in parts needs an 'upload_id'");
    }
    if (mode.isPresent() && (mode.getAsInt() & ~07777) != 0) {
      throw new PodflareException(ErrorCode.INVALID_FIELD, "a mode is 0 to 07777");
    }
  }

  /** A whole file. */
  public static FileUpload of(FilePath path, OptionalInt mode) {
    return new FileUpload(path, mode, false, Optional.empty(), 0, true, false);
  }

  static void checkId(String id) {
    if (!id.matches("[A-Za-z0-9_-]{1,64}")) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "an upload's id has 1 to 64 letters, digits, '-' and '_'");
    }
  }
}
