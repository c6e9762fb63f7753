package dev.podflare.client;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;
import java.util.Optional;

/**
 * A file, folder or the like in a sandbox.
 *
 * @param name its last part; an approximation if it is no UTF-8
 * @param nameBytes base64 of the name; only if it is no UTF-8
 * @param type {@code file}, {@code directory}, {@code link} or {@code other}
 * @param size bytes of a file, else 0
 * @param mode permission bits in octal, four digits
 * @param owner name of the user, empty if it has none
 * @param etag changes when the file does
 * @param target of a link
 */
public record FileEntry(
    String name,
    @JsonProperty("name_b64") Optional<String> nameBytes,
    String path,
    @JsonProperty("path_b64") Optional<String> pathBytes,
    String type,
    long size,
    String mode,
    long uid,
    long gid,
    String owner,
    Instant mtime,
    String etag,
    Optional<String> target) {

  public boolean isDirectory() {
    return type.equals("directory");
  }
}
