package dev.podflare.store;

import static dev.podflare.store.TestRecords.NOW;
import static dev.podflare.store.TestRecords.sandbox;
import static dev.podflare.store.TestRecords.saved;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.SavedMachine.Kind;
import dev.podflare.store.testing.PostgresProcess;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Two nodes on one PostgreSQL. */
class SharedRecordsTest {
  private static final int ROUNDS = 30;

  private final DatabaseConfig.Postgres config = PostgresProcess.get().freshDatabase();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private Store one;
  private Store two;

  @BeforeEach
  void open() {
    one = open("a");
    two = open("b");
  }

  @AfterEach
  void close() {
    threads.close();
    one.close();
    two.close();
  }

  /** A daemon that is there is refused as one is whose host may be lost, only sooner. */
  private Store open(String node) {
    PostgresWaits usual = PostgresWaits.usual();
    PostgresWaits waits =
        new PostgresWaits(
            usual.connection(),
            usual.statement(),
            usual.lock(),
            usual.silence(),
            usual.settle(),
            Duration.ofSeconds(2));
    return Store.open(
        PostgresDatabase.open(config, waits), node, node, Clock.fixed(NOW, ZoneOffset.UTC));
  }

  /** What the callers answer that run at the same time. */
  private <T> List<T> atOnce(List<Callable<T>> callers) throws Exception {
    CyclicBarrier start = new CyclicBarrier(callers.size());
    List<Future<T>> running = new ArrayList<>();
    for (Callable<T> caller : callers) {
      running.add(
          threads.submit(() -> {
            start.await();
            return caller.call();
          }));
    }
    List<T> answers = new ArrayList<>();
    for (Future<T> each : running) {
      answers.add(each.get());
    }
    return answers;
  }

  @Test
  void aNewDatabaseIsMadeOnceByAllThatOpenIt() throws Exception {
    DatabaseConfig.Postgres fresh = PostgresProcess.get().freshDatabase();
    List<Callable<String>> opening = new ArrayList<>();
    for (String node : List.of("a", "b", "c", "d")) {
      opening.add(() -> {
        try (Store store = Store.open(fresh, node, node)) {
          return store.identity();
        }
      });
    }
    assertThat(atOnce(opening)).hasSize(4).containsOnly(atOnce(opening).getFirst());
  }

  @Test
  void aRestartEndsWhatItsOwnNodeHad() throws Exception {
    one.sandboxes().insert(sandbox("sbx_a", "key_a"), Origin.TEMPLATE);
    two.sandboxes().insert(sandbox("sbx_b", "key_a"), Origin.TEMPLATE);
    two.saved().freeze(saved("spc_b", Kind.SPACE, "sbx_b", Optional.empty()), "requested");
    two.saved().wake(two.saved().find("spc_b").orElseThrow(), NOW.plusSeconds(99));
    one.answers().reserve("key_a", "mine", "digest", Duration.ZERO);
    two.answers().reserve("key_a", "theirs", "digest", Duration.ZERO);
    one.close();
    one = open("a");
    assertThat(one.saved().restoreLast(Set.of())).isEmpty();
    assertThat(one.sandboxes().closeAllLive("host_shutdown", Set.of()))
        .extracting(SandboxRecord::id)
        .containsExactly("sbx_a");
    assertThat(two.sandboxes().find("sbx_b").orElseThrow().state()).isEqualTo("ready");
    assertThat(one.answers().reserve("key_a", "mine", "digest", Duration.ZERO))
        .isInstanceOf(Reservation.Granted.class);
    two.answers().complete("key_a", "theirs", 200, "{}");
    assertThat(one.answers().reserve("key_a", "theirs", "digest", Duration.ZERO))
        .isEqualTo(new Reservation.Answered(200, "{}"));
  }

  /** Else the second would close what the first one runs. */
  @Test
  void aNameIsOfOneDaemon() {
    one.sandboxes().insert(sandbox("sbx_a", "key_a"), Origin.TEMPLATE);
    assertThatThrownBy(() -> open("a").close())
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.HOST_NOT_READY))
        .hasMessageContaining("--node");
    assertThat(one.sandboxes().find("sbx_a").orElseThrow().closedAt()).isEmpty();
  }

  @Test
  void aDaemonWithANewNameTakesItsRecordsAlong() {
    one.sandboxes().insert(sandbox("sbx_a", "key_a"), Origin.TEMPLATE);
    two.sandboxes().insert(sandbox("sbx_b", "key_a"), Origin.TEMPLATE);
    one.close();
    one = Store.open(config, "c", "a");
    assertThat(one.sandboxes().closeAllLive("host_shutdown", Set.of()))
        .extracting(SandboxRecord::id)
        .containsExactly("sbx_a");
  }

  @Test
  void aSandboxIsChangedByItsNodeOnly() {
    SandboxRecord record = sandbox("sbx_a", "key_a");
    one.sandboxes().insert(record, Origin.TEMPLATE);
    one.sandboxes().insert(sandbox("sbx_w", "key_a"), Origin.TEMPLATE);
    assertThat(two.sandboxes().nodeElsewhere("sbx_a")).contains("a");
    assertThat(one.sandboxes().nodeElsewhere("sbx_a")).isEmpty();
    assertThat(two.sandboxes().liveElsewhere()).hasSize(2);
    assertThat(one.sandboxes().liveElsewhere()).isEmpty();
    assertThat(two.sandboxes().update(record.withNetwork("{}"), Change.SETTINGS)).isFalse();
    assertThat(two.sandboxes().close("sbx_a", "deleted", NOW)).isFalse();
    assertThat(two.sandboxes().merge("sbx_a", "sbx_w", "merged", Optional.empty(), NOW)).isFalse();
    assertThat(two.saved().freeze(saved("spc", Kind.SPACE, "sbx_a", Optional.empty()), "requested"))
        .isFalse();
    assertThat(one.sandboxes().find("sbx_a")).contains(record);
  }

  @Test
  void aFrozenSandboxIsOfTheNodeThatWakesIt() {
    one.sandboxes().insert(sandbox("sbx_a", "key_a"), Origin.TEMPLATE);
    SavedMachine space = saved("spc", Kind.SPACE, "sbx_a", Optional.empty());
    one.saved().freeze(space, "requested");
    assertThat(two.sandboxes().nodeElsewhere("sbx_a")).isEmpty();
    assertThat(two.saved().wake(space, NOW.plusSeconds(99))).isTrue();
    assertThat(one.sandboxes().nodeElsewhere("sbx_a")).contains("b");
    assertThat(one.sandboxes().close("sbx_a", "guest_crashed", NOW)).isFalse();
    assertThat(two.sandboxes().close("sbx_a", "deleted", NOW)).isTrue();
  }

  @Test
  void ofTwoThatWakeASpaceOneHasIt() throws Exception {
    for (int round = 0; round < ROUNDS; round++) {
      String id = "sbx_" + round;
      one.sandboxes().insert(sandbox(id, "key_a"), Origin.TEMPLATE);
      SavedMachine space = saved("spc_" + round, Kind.SPACE, id, Optional.empty(), round % 2 == 0);
      one.saved().freeze(space, "requested");
      SandboxRecord next = sandbox(id + "_next", "key_a");
      List<Boolean> won =
          atOnce(
              List.of(
                  () -> one.saved().wake(space, NOW.plusSeconds(99)),
                  () -> two.saved().wake(space, NOW.plusSeconds(99)),
                  () -> two.saved().moveTo(space, next, "resumed", "")));
      assertThat(won).as("round %d", round).containsOnlyOnce(true);
      boolean moved = won.get(2);
      assertThat(one.sandboxes().find(next.id()).isPresent()).isEqualTo(moved);
      assertThat(one.sandboxes().find(id).orElseThrow().closedAt().isPresent()).isEqualTo(moved);
    }
  }

  @Test
  void ofTwoThatTakeANameOneHasIt() throws Exception {
    for (int round = 0; round < ROUNDS; round++) {
      Optional<String> name = Optional.of("name " + round);
      String id = "snp_" + round;
      List<Boolean> won =
          atOnce(
              List.of(
                  () -> one.saved().insert(saved(id + "a", Kind.SNAPSHOT, "sbx_a", name)),
                  () -> two.saved().insert(saved(id + "b", Kind.SNAPSHOT, "sbx_a", name))));
      assertThat(won).containsExactlyInAnyOrder(true, false);
    }
    assertThat(one.saved().list(Kind.SNAPSHOT, Optional.of("key_a"))).hasSize(ROUNDS);
  }

  @Test
  void equalRequestsAtBothHaveOneEffect() throws Exception {
    AtomicInteger effects = new AtomicInteger();
    List<Callable<String>> callers = new ArrayList<>();
    for (int caller = 0; caller < 12; caller++) {
      Store store = caller % 2 == 0 ? one : two;
      callers.add(() -> request(store, effects));
    }
    assertThat(atOnce(callers)).containsOnly("effect 1");
    assertThat(effects).hasValue(1);
  }

  private static String request(Store store, AtomicInteger effects) throws InterruptedException {
    return switch (store.answers().reserve("key_a", "k", "digest", Duration.ofSeconds(20))) {
      case Reservation.Granted granted -> {
        Thread.sleep(30);
        String body = "effect " + effects.incrementAndGet();
        store.answers().complete("key_a", "k", 200, body);
        yield body;
      }
      case Reservation.Answered answered -> answered.body();
    };
  }

  @Test
  void keysAreKnownToBothAndRevokedAtBoth() {
    NewApiKey made = one.keys().create("ci", false, List.of(), KeyLimits.none());
    String hash = made.key().sha256();
    assertThat(two.keys().findByHash(hash)).contains(made.key());
    await().atMost(Duration.ofSeconds(20)).until(() -> two.keys().list().size() == 1);
    assertThat(one.keys().delete(made.key().id())).isTrue();
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> two.keys().findByHash(hash).isEmpty() && two.keys().list().isEmpty());
  }

  @Test
  void manyChangesAtBothAreAllThere() throws Exception {
    List<Callable<Boolean>> callers = new ArrayList<>();
    for (int caller = 0; caller < 16; caller++) {
      Store store = caller % 2 == 0 ? one : two;
      String prefix = "sbx_" + caller + "_";
      callers.add(() -> {
        for (int i = 0; i < 15; i++) {
          SandboxRecord record = sandbox(prefix + i, "key_a");
          store.sandboxes().insert(record, Origin.TEMPLATE);
          assertThat(
                  store
                      .sandboxes()
                      .update(record.withNetwork("{\"n\":" + i + "}"), Change.SETTINGS))
              .isTrue();
          assertThat(store.sandboxes().close(prefix + i, "deleted", NOW)).isTrue();
        }
        return true;
      });
    }
    atOnce(callers);
    assertThat(one.sandboxes().closedSince(NOW)).hasSize(240);
  }
}
