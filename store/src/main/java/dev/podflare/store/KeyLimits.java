package dev.podflare.store;

import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What a key may use; empty: the server's default.
 *
 * @param maxSandboxes most live sandboxes
 * @param maxMemoryMebibytes most guest memory of live sandboxes, in MiB
 * @param requestsPerMinute most requests a minute
 * @param maxStoredMebibytes most that Spaces and snapshots have stored, in MiB
 */
public record KeyLimits(
    OptionalInt maxSandboxes,
    OptionalLong maxMemoryMebibytes,
    OptionalInt requestsPerMinute,
    OptionalLong maxStoredMebibytes) {

  public static KeyLimits none() {
    return new KeyLimits(
        OptionalInt.empty(), OptionalLong.empty(), OptionalInt.empty(), OptionalLong.empty());
  }
}
