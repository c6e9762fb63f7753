package dev.podflare.store;

import static dev.podflare.store.TestRecords.NOW;
import static dev.podflare.store.TestRecords.sandbox;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class SandboxRecordsTest {
  private static final Clock CLOCK = Clock.fixed(NOW, ZoneOffset.UTC);

  private final TestDatabase database;

  @TempDir Path folder;

  SandboxRecordsTest(TestDatabase database) {
    this.database = database;
  }

  @Test
  void aRecordSurvivesReopening() {
    SandboxRecord sandbox = sandbox("sbx_1", "key_a");
    try (Store store = open()) {
      store.sandboxes().insert(sandbox, Origin.TEMPLATE);
    }
    try (Store store = open()) {
      assertThat(store.sandboxes().find("sbx_1")).contains(sandbox);
      assertThat(store.sandboxes().find("sbx_2")).isEmpty();
    }
  }

  @Test
  void anIdCannotBeUsedTwice() {
    try (Store store = open()) {
      store.sandboxes().insert(sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
      assertThatThrownBy(() -> store.sandboxes().insert(sandbox("sbx_1", "key_b"), Origin.TEMPLATE))
          .isInstanceOfSatisfying(
              PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL));
      assertThat(store.sandboxes().find("sbx_1").orElseThrow().keyId()).isEqualTo("key_a");
    }
  }

  @Test
  void updateChangesLiveOnesOnly() {
    try (Store store = open()) {
      SandboxRecord before = sandbox("sbx_1", "key_a");
      store.sandboxes().insert(before, Origin.TEMPLATE);
      SandboxRecord after = changed(before, Map.of("job", "é\"'"), NOW.plusSeconds(99));
      assertThat(store.sandboxes().update(after, Change.SETTINGS)).isTrue();
      assertThat(store.sandboxes().find("sbx_1")).contains(after);
      assertThat(store.sandboxes().update(sandbox("sbx_none", "key_a"), Change.SETTINGS)).isFalse();
      store.sandboxes().close("sbx_1", "idle", NOW);
      assertThat(store.sandboxes().update(before, Change.SETTINGS)).isFalse();
      assertThat(store.sandboxes().find("sbx_1").orElseThrow().expiresAt())
          .isEqualTo(after.expiresAt());
    }
  }

  @Test
  void whatIsClosedKeepsNeitherVariablesNorMetadata() {
    try (Store store = open()) {
      store.sandboxes().insert(sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
      assertThat(store.sandboxes().find("sbx_1").orElseThrow().env()).isNotEmpty();
      store.sandboxes().close("sbx_1", "idle", NOW);
      SandboxRecord closed = store.sandboxes().find("sbx_1").orElseThrow();
      assertThat(closed.env()).isEmpty();
      assertThat(closed.metadata()).isEmpty();
    }
  }

  @Test
  void theFirstReasonOfClosingStays() {
    try (Store store = open()) {
      store.sandboxes().insert(sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
      assertThat(store.sandboxes().close("sbx_1", "idle", Optional.of("was idle"), NOW)).isTrue();
      assertThat(store.sandboxes().close("sbx_1", "deleted", NOW)).isFalse();
      SandboxRecord closed = store.sandboxes().find("sbx_1").orElseThrow();
      assertThat(closed.state()).isEqualTo("closed");
      assertThat(closed.closeReason()).contains("idle");
      assertThat(closed.closeMessage()).contains("was idle");
      assertThat(closed.closedAt()).contains(NOW);
    }
  }

  @Test
  void listsLiveOnesByKeyInOrderOfCreation() {
    try (Store store = open()) {
      for (String id : List.of("sbx_1", "sbx_2", "sbx_3")) {
        store
            .sandboxes()
            .insert(sandbox(id, id.equals("sbx_2") ? "key_b" : "key_a"), Origin.TEMPLATE);
      }
      store.sandboxes().close("sbx_3", "deleted", NOW);
      assertThat(store.sandboxes().live())
          .extracting(SandboxRecord::id)
          .containsExactly("sbx_1", "sbx_2");
      assertThat(store.sandboxes().live("key_a"))
          .extracting(SandboxRecord::id)
          .containsExactly("sbx_1");
    }
  }

  @Test
  void recoveryClosesAllThatLived() {
    try (Store store = open()) {
      store.sandboxes().insert(sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
      store.sandboxes().insert(sandbox("sbx_2", "key_a"), Origin.TEMPLATE);
      store.sandboxes().close("sbx_2", "deleted", NOW.minusSeconds(5));
      assertThat(store.sandboxes().closeAllLive("host_shutdown", Set.of()))
          .extracting(SandboxRecord::id)
          .containsExactly("sbx_1");
      assertThat(store.sandboxes().live()).isEmpty();
      assertThat(store.sandboxes().find("sbx_1").orElseThrow().closeReason())
          .contains("host_shutdown");
      assertThat(store.sandboxes().find("sbx_2").orElseThrow().closeReason()).contains("deleted");
      assertThat(store.sandboxes().closedSince(NOW))
          .extracting(SandboxRecord::id)
          .containsExactly("sbx_1");
    }
  }

  @Test
  void tombstonesAreForgottenAfterADay() {
    try (Store store = open()) {
      store.sandboxes().insert(sandbox("sbx_old", "key_a"), Origin.TEMPLATE);
      store.sandboxes().insert(sandbox("sbx_day", "key_a"), Origin.TEMPLATE);
      store.sandboxes().insert(sandbox("sbx_live", "key_a"), Origin.TEMPLATE);
      store.sandboxes().close("sbx_old", "idle", NOW.minus(Duration.ofHours(25)));
      store.sandboxes().close("sbx_day", "idle", NOW.minus(Duration.ofHours(23)));
      assertThat(store.sandboxes().purgeTombstones()).isEqualTo(1);
      assertThat(store.sandboxes().find("sbx_old")).isEmpty();
      assertThat(store.sandboxes().find("sbx_day")).isPresent();
      assertThat(store.sandboxes().find("sbx_live")).isPresent();
    }
  }

  @Test
  void manyThreadsWriteAndReadAtOnce() throws Exception {
    try (Store store = open();
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all = new ArrayList<>();
      for (int worker = 0; worker < 16; worker++) {
        String prefix = "sbx_" + worker + "_";
        all.add(
            threads.submit(() -> {
              for (int i = 0; i < 20; i++) {
                store.sandboxes().insert(sandbox(prefix + i, "key_a"), Origin.TEMPLATE);
                assertThat(store.sandboxes().find(prefix + i)).isPresent();
                store.sandboxes().close(prefix + i, "deleted", NOW);
              }
            }));
      }
      for (Future<?> each : all) {
        each.get();
      }
      assertThat(store.sandboxes().closedSince(NOW)).hasSize(320);
    }
  }

  private Store open() {
    return Store.open(database.of(folder), "a", CLOCK);
  }

  private static SandboxRecord changed(
      SandboxRecord sandbox, Map<String, String> metadata, Instant expiresAt) {
    return new SandboxRecord(
        sandbox.id(),
        sandbox.keyId(),
        sandbox.template(),
        "paused",
        sandbox.vcpus(),
        sandbox.memoryMebibytes(),
        sandbox.diskGibibytes(),
        true,
        true,
        sandbox.undo(),
        sandbox.network(),
        sandbox.mounts(),
        sandbox.secrets(),
        sandbox.env(),
        metadata,
        sandbox.parent(),
        sandbox.createdAt(),
        expiresAt,
        sandbox.timeout(),
        sandbox.idleTimeout(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }
}
