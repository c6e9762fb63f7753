package dev.podflare.engine;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Who asks: an authenticated key. Limits are those of the key; empty means the server's default.
 *
 * @param keyId id of the key; owner of what it creates
 * @param admin may manage keys and see every sandbox
 * @param maxSandboxes most live sandboxes of this key
 * @param maxMemoryMebibytes most guest memory of this key's live sandboxes, in MiB
 */
public record Caller(
    String keyId, boolean admin, OptionalInt maxSandboxes, OptionalLong maxMemoryMebibytes) {

  /** Whether what belongs to that key is there for this one. */
  boolean mayUse(String ownerKeyId) {
    return admin || keyId.equals(ownerKeyId);
  }

  /** The key whose things are listed for this one; empty: all keys'. */
  Optional<String> scope() {
    return admin ? Optional.empty() : Optional.of(keyId);
  }

  /** For what is made for the owner of something, whoever asks. */
  Caller as(String ownerKeyId) {
    return new Caller(ownerKeyId, admin, maxSandboxes, maxMemoryMebibytes);
  }
}
