package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.FileOperation;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** What a guest says of files, held to what can be. Stateless. */
final class GuestFileWords {
  private static final Set<String> TYPES = Set.of("file", "directory", "link", "other");
  private static final long NANOS = 1_000_000_000L;

  private GuestFileWords() {}

  /**
   * {@code file_actions.describe}: name, type, size, mode, uid, gid, owner, mtime, inode, target.
   */
  static FileInfo info(JsonNode node) {
    String name = node.path(0).asString("");
    String type = node.path(1).asString("");
    long size = node.path(2).asLong(-1);
    long modified = node.path(7).asLong(0);
    String owner = node.path(6).asString("");
    if (!TYPES.contains(type) || size < 0 || owner.length() > 256) {
      throw bad();
    }
    return new FileInfo(
        path(name.isEmpty() ? "/" : name),
        type,
        size,
        node.path(3).asInt(0) & 07777,
        node.path(4).asLong(0),
        node.path(5).asLong(0),
        owner,
        Instant.ofEpochSecond(Math.floorDiv(modified, NANOS), Math.floorMod(modified, NANOS)),
        node.path(9).isString() ? Optional.of(path(node.path(9).stringValue())) : Optional.empty(),
        "%x-%x-%x".formatted(node.path(8).asLong(0), size, modified));
  }

  static FilePath path(String latin) {
    try {
      if (latin.chars().allMatch(c -> c > 0 && c < 256)) {
        return new FilePath(latin);
      }
    } catch (PodflareException e) {
      throw bad();
    }
    throw bad();
  }

  /** Bytes where only words are to come: a hole has no place among them. */
  static byte[] words(FileOperation.Piece piece) {
    if (piece.zeros() > 0) {
      throw bad();
    }
    return piece.bytes();
  }

  static PodflareException bad() {
    return new PodflareException(
        ErrorCode.BAD_GUEST_ANSWER, "the guest's word about a file cannot be read");
  }
}
