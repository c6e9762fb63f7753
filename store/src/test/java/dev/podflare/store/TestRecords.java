package dev.podflare.store;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/** Records for tests. Stateless. */
final class TestRecords {
  static final Instant NOW = Instant.parse("2026-01-02T03:04:05.678Z");

  private TestRecords() {}

  static SandboxRecord sandbox(String id, String keyId) {
    return sandbox(id, keyId, SandboxRecord.NO_MOUNTS);
  }

  static SandboxRecord sandbox(String id, String keyId, String mounts) {
    return new SandboxRecord(
        id,
        keyId,
        "default",
        "ready",
        2,
        1024,
        4,
        false,
        false,
        8,
        "{\"default\":\"allow\"}",
        mounts,
        "[{\"name\":\"A\"}]",
        Map.of("TOKEN", "s3cret"),
        Map.of(),
        Optional.of("sbx_parent"),
        NOW,
        NOW.plusSeconds(1800),
        Duration.ofMinutes(30),
        Duration.ofMillis(300_001),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  static SavedMachine saved(
      String id, SavedMachine.Kind kind, String sandboxId, Optional<String> name) {
    return saved(id, kind, sandboxId, name, true);
  }

  static SavedMachine saved(
      String id,
      SavedMachine.Kind kind,
      String sandboxId,
      Optional<String> name,
      boolean persistent) {
    return new SavedMachine(
        id,
        kind,
        "key_a",
        name,
        sandboxId,
        "chk_of_" + id,
        "default",
        "d1",
        "image1",
        2,
        1024,
        4,
        persistent,
        true,
        3,
        "{}",
        "[{\"volume\":\"vol_1\"}]",
        "[{\"name\":\"B\"}]",
        Map.of("A", "é\"'\u0000"),
        Map.of(),
        Duration.ofMinutes(30),
        Duration.ofMinutes(5),
        Duration.ofMinutes(7),
        10L << 30,
        1L << 20,
        NOW,
        Optional.empty());
  }
}
