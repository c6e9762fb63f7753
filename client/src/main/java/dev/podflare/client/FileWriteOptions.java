package dev.podflare.client;

import java.util.Optional;

/**
 * How a file is written.
 *
 * @param mode permission bits, octal; else those of the file that was there, or 0644
 * @param onlyNew code {@code precondition_failed} if there is one already
 * @param uploadId 1 to 64 letters, digits, '-' and '_': what came is kept under it if the transfer
 *     breaks off
 * @param offset bytes that were sent before; code {@code offset_mismatch} if others are kept
 * @param last whether the file is whole after this and is put in place
 */
public record FileWriteOptions(
    Optional<String> mode, boolean onlyNew, Optional<String> uploadId, long offset, boolean last) {

  /** A whole file, in place of what is there. */
  public static final FileWriteOptions DEFAULTS =
      new FileWriteOptions(Optional.empty(), false, Optional.empty(), 0, true);

  public FileWriteOptions withMode(String octal) {
    return new FileWriteOptions(Optional.of(octal), onlyNew, uploadId, offset, last);
  }

  public FileWriteOptions withOnlyNew() {
    return new FileWriteOptions(mode, true, uploadId, offset, last);
  }

  /** A piece of an upload that can go on after it broke off. */
  public FileWriteOptions withUpload(String id, long from, boolean whole) {
    return new FileWriteOptions(mode, onlyNew, Optional.of(id), from, whole);
  }

  String query() {
    StringBuilder query = new StringBuilder();
    mode.ifPresent(it -> query.append("&mode=").append(Wire.encode(it)));
    uploadId.ifPresent(it -> query.append("&upload_id=").append(Wire.encode(it)));
    if (uploadId.isPresent()) {
      query.append("&offset=").append(offset).append("&last=").append(last);
    }
    return query.toString();
  }
}
