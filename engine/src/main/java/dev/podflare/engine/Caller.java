package dev.podflare.engine;

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
    String keyId, boolean admin, OptionalInt maxSandboxes, OptionalLong maxMemoryMebibytes) {}
