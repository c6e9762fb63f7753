package dev.podflare.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
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
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventsTest {
  private static final Instant NOW = Instant.parse("2026-01-02T03:04:05.678Z");
  private static final Duration SHORT = Duration.ofMinutes(5);
  private static final String A = "key_a";

  @TempDir Path folder;
  private Store store;

  @BeforeEach
  void open() {
    open(NOW);
  }

  private void open(Instant now) {
    store = Store.open(folder.resolve("podflare.db"), Clock.fixed(now, ZoneOffset.UTC));
  }

  @AfterEach
  void close() {
    store.close();
  }

  private void reopen(Instant now) {
    store.close();
    open(now);
  }

  private static SandboxRecord sandbox(String id, String key) {
    return new SandboxRecord(
        id,
        key,
        "default",
        "ready",
        2,
        1024,
        4,
        true,
        true,
        0,
        "{}",
        SandboxRecord.NO_MOUNTS,
        "[]",
        Map.of(),
        Map.of(),
        Optional.empty(),
        NOW,
        NOW.plus(SHORT),
        SHORT,
        SHORT,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private static SavedMachine saved(String id, SavedMachine.Kind kind, String sandboxId) {
    return new SavedMachine(
        id,
        kind,
        A,
        Optional.empty(),
        sandboxId,
        "chk_1",
        "default",
        "digest",
        "image",
        2,
        1024,
        4,
        true,
        true,
        0,
        "{}",
        SandboxRecord.NO_MOUNTS,
        "[]",
        Map.of(),
        Map.of(),
        SHORT,
        SHORT,
        SHORT,
        1,
        1,
        NOW,
        Optional.empty());
  }

  private List<EventRecord> all() {
    return store.events().after(store.events().forgotten(), Optional.empty(), 1000).events();
  }

  private List<String> told() {
    return all().stream().map(it -> it.type() + " " + it.data()).toList();
  }

  private void insert(String id, String key) {
    store.sandboxes().insert(sandbox(id, key), Origin.TEMPLATE);
  }

  @Test
  void eachChangeOfARecordIsTold() {
    insert("sbx_1", A);
    store.sandboxes().update(sandbox("sbx_1", A), Change.PAUSED);
    store.sandboxes().update(sandbox("sbx_1", A), Change.SETTINGS);
    store.sandboxes().update(sandbox("sbx_1", A), Change.RESUMED);
    store
        .sandboxes()
        .insertForks(sandbox("sbx_1", A), List.of(sandbox("sbx_2", A), sandbox("sbx_3", A)));
    store.sandboxes().merge("sbx_1", "sbx_2", "merged", Optional.empty(), NOW);
    store.saved().insert(saved("snp_1", SavedMachine.Kind.SNAPSHOT, "sbx_1"));
    store.events().rolledBack(sandbox("sbx_1", A), "snp_1");
    store.events().undone(sandbox("sbx_1", A), 2);
    SavedMachine space = saved("spc_1", SavedMachine.Kind.SPACE, "sbx_1");
    store.saved().freeze(space, "idle");
    store.saved().wake(space, NOW);
    store.saved().restoreLast(Set.of());
    store.saved().moveTo(space, sandbox("sbx_4", A), "resumed", "as sbx_4");
    store.sandboxes().close("sbx_3", "deleted", NOW);
    store.saved().delete(saved("snp_1", SavedMachine.Kind.SNAPSHOT, "sbx_1"), "deleted", "", NOW);
    store.sandboxes().closeAllLive("host_shutdown", Set.of());

    String of1 = " {\"sandbox_id\":\"sbx_1\",\"key_id\":\"key_a\"";
    assertThat(told())
        .containsExactly(
            "sandbox.created" + of1 + ",\"template\":\"default\",\"source\":\"template\"}",
            "sandbox.paused" + of1 + "}",
            "sandbox.resumed" + of1 + ",\"from\":\"paused\"}",
            "sandbox.forked" + of1 + ",\"children\":[\"sbx_2\",\"sbx_3\"]}",
            created("sbx_2") + "fork\",\"parent_id\":\"sbx_1\"}",
            created("sbx_3") + "fork\",\"parent_id\":\"sbx_1\"}",
            "sandbox.merged" + of1 + ",\"winner_id\":\"sbx_2\"}",
            closed("sbx_2") + "merged\",\"merged_into\":\"sbx_1\"}",
            "snapshot.created" + of1 + ",\"snapshot_id\":\"snp_1\"}",
            "sandbox.rolled_back" + of1 + ",\"snapshot_id\":\"snp_1\"}",
            "sandbox.undone" + of1 + ",\"calls\":2}",
            "sandbox.frozen" + of1 + ",\"space_id\":\"spc_1\",\"reason\":\"idle\"}",
            "sandbox.resumed" + of1 + ",\"from\":\"frozen\",\"space_id\":\"spc_1\"}",
            "sandbox.frozen" + of1 + ",\"space_id\":\"spc_1\",\"reason\":\"host_lost\"}",
            created("sbx_4") + "space\",\"space_id\":\"spc_1\"}",
            closed("sbx_1") + "resumed\",\"space_id\":\"spc_1\",\"resumed_as\":\"sbx_4\"}",
            closed("sbx_3") + "deleted\"}",
            "snapshot.deleted" + of1 + ",\"snapshot_id\":\"snp_1\",\"reason\":\"deleted\"}",
            closed("sbx_4") + "host_shutdown\"}");
  }

  private static String created(String id) {
    return "sandbox.created {\"sandbox_id\":\""
        + id
        + "\",\"key_id\":\"key_a\",\"template\":\"default\",\"source\":\"";
  }

  private static String closed(String id) {
    return "sandbox.closed {\"sandbox_id\":\"" + id + "\",\"key_id\":\"key_a\",\"reason\":\"";
  }

  @Test
  void whatChangesNothingIsNotTold() {
    insert("sbx_1", A);
    store.sandboxes().close("sbx_1", "deleted", NOW);
    long last = store.events().last();
    store.sandboxes().close("sbx_1", "idle", NOW);
    store.sandboxes().update(sandbox("sbx_1", A), Change.PAUSED);
    store.sandboxes().merge("sbx_1", "sbx_2", "merged", Optional.empty(), NOW);
    store.saved().freeze(saved("spc_1", SavedMachine.Kind.SPACE, "sbx_1"), "idle");
    store.saved().wake(saved("spc_1", SavedMachine.Kind.SPACE, "sbx_1"), NOW);
    store.saved().restoreLast(Set.of());
    store.sandboxes().closeAllLive("host_shutdown", Set.of());
    assertThatThrownBy(() -> insert("sbx_1", A)).isInstanceOf(PodflareException.class);
    assertThat(store.events().last()).isEqualTo(last).isEqualTo(2);
  }

  @Test
  void aKeySeesItsOwnAndMovesPastOthers() {
    for (int i = 0; i < 10; i++) {
      insert("sbx_a" + i, A);
      insert("sbx_b" + i, "key_b");
    }
    EventPage first = store.events().after(0, Optional.of(A), 7);
    assertThat(first.events()).extracting(EventRecord::sandboxId).hasSize(7).endsWith("sbx_a6");
    EventPage rest = store.events().after(first.position(), Optional.of(A), 7);
    assertThat(rest.events()).extracting(EventRecord::sandboxId).endsWith("sbx_a9").hasSize(3);
    assertThat(rest.position()).isEqualTo(20);
    assertThat(store.events().after(20, Optional.of(A), 7)).isEqualTo(new EventPage(List.of(), 20));
  }

  @Test
  void oldEventsAreForgottenAndThatIsSaid() {
    insert("sbx_1", A);
    insert("sbx_2", A);
    reopen(NOW.plus(Events.LIFE).plusMillis(1));
    insert("sbx_3", A);
    assertThat(store.events().purge()).isEqualTo(2);
    assertThat(store.events().purge()).isZero();
    assertThat(store.events().forgotten()).isEqualTo(2);
    assertThat(all()).extracting(EventRecord::sandboxId).containsExactly("sbx_3");
    gone(1);
    gone(4);
    reopen(NOW.plus(Events.LIFE.multipliedBy(3)));
    store.events().purge();
    assertThat(all()).isEmpty();
    insert("sbx_4", A);
    assertThat(all()).extracting(EventRecord::id).containsExactly(4L);
  }

  private void gone(long after) {
    assertThatThrownBy(() -> store.events().after(after, Optional.empty(), 10))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.EVENTS_GONE));
  }

  @Test
  void atMostSoManyAreKept() {
    for (int i = 0; i < 30; i++) {
      insert("sbx_" + i, A);
    }
    assertThat(store.events().purge(7)).isEqualTo(23);
    assertThat(all()).hasSize(7).extracting(EventRecord::id).startsWith(24L);
  }

  @Test
  void whoReadsWhileOthersWriteMissesNothing() throws Exception {
    int writers = 4;
    int each = 100;
    List<Long> seen = new ArrayList<>();
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int writer = 0; writer < writers; writer++) {
        String prefix = "sbx_" + writer + "_";
        executor.execute(() -> {
          for (int i = 0; i < each; i++) {
            insert(prefix + i, A);
          }
        });
      }
      long position = 0;
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (seen.size() < writers * each && System.nanoTime() < end) {
        long changes = store.events().changes();
        EventPage page = store.events().after(position, Optional.of(A), 9);
        page.events().forEach(event -> seen.add(event.id()));
        if (page.events().isEmpty()) {
          store.events().await(changes, Duration.ofSeconds(5));
        }
        position = page.position();
      }
    }
    assertThat(seen).hasSize(writers * each).isSorted().doesNotHaveDuplicates();
  }
}
