package dev.podflare.store;

import static dev.podflare.store.TestRecords.NOW;
import static dev.podflare.store.TestRecords.sandbox;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.testing.PostgresProcess;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jdbi.v3.core.Handle;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A PostgreSQL that goes away, is busy, is silent, or is not there. */
class PostgresDatabaseTest {
  /** In the same order as the usual ones, and shorter: what ends a wait is what is looked at. */
  private static final PostgresWaits WAITS =
      new PostgresWaits(
          PostgresWaits.usual().connection(), // it must be back within that
          Duration.ofSeconds(4),
          Duration.ofSeconds(2), // the server looks for deadlocks after one
          Duration.ofSeconds(6),
          Duration.ofSeconds(10),
          Duration.ofSeconds(2));

  /** Longer than all deadlines of one call together; the point is that there is an end. */
  private static final Duration END = Duration.ofSeconds(45);

  private static PostgresProcess server;

  @BeforeAll
  static void start() {
    server = PostgresProcess.start();
  }

  @AfterAll
  static void end() {
    server.close();
  }

  private static Store open(DatabaseConfig.Postgres config) {
    return Store.open(PostgresDatabase.open(config, WAITS), "a", "a", Clock.systemUTC());
  }

  private static void assertUnavailable(Runnable call) {
    Instant begun = Instant.now();
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            PodflareException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.RECORDS_UNAVAILABLE);
              assertThat(e.code().httpStatus()).isEqualTo(503);
              assertNoPassword(e);
            });
    assertThat(Duration.between(begun, Instant.now())).isLessThan(END);
  }

  private static void assertNoPassword(Throwable failure) {
    StringWriter all = new StringWriter();
    failure.printStackTrace(new PrintWriter(all));
    assertThat(all.toString()).doesNotContain(PostgresProcess.PASSWORD);
  }

  @Test
  void oneThatWasAwayIsUsedAgainWhenItIsBack() {
    try (Store store = open(server.freshDatabase())) {
      store.sandboxes().insert(sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
      NewApiKey key = store.keys().create("ci", false, List.of(), KeyLimits.none());
      server.stop();
      try {
        assertUnavailable(
            () -> store.sandboxes().insert(sandbox("sbx_2", "key_a"), Origin.TEMPLATE));
        assertUnavailable(() -> store.sandboxes().find("sbx_1"));
        assertThat(store.keys().findByHash(key.key().sha256())).contains(key.key());
        assertUnavailable(() -> store.keys().findByHash("unknown"));
      } finally {
        server.goOn();
      }
      store.sandboxes().insert(sandbox("sbx_3", "key_a"), Origin.TEMPLATE);
      assertThat(store.sandboxes().live())
          .extracting(SandboxRecord::id)
          .containsExactly("sbx_1", "sbx_3");
    }
  }

  @Test
  void anAnswerThatEndsWhileItIsAwayIsWrittenLater() throws Exception {
    try (Store store = open(server.freshDatabase())) {
      store.answers().reserve("key_a", "done", "digest", Duration.ZERO);
      store.answers().reserve("key_a", "failed", "digest", Duration.ZERO);
      server.crash();
      try {
        store.answers().complete("key_a", "done", 200, "{}");
        store.answers().abandon("key_a", "failed");
      } finally {
        server.goOn();
      }
      assertThat(store.answers().reserve("key_a", "done", "digest", Duration.ZERO))
          .isEqualTo(new Reservation.Answered(200, "{}"));
      assertThat(store.answers().reserve("key_a", "failed", "digest", Duration.ZERO))
          .isInstanceOf(Reservation.Granted.class);
    }
  }

  /** What was promised is there; what was refused is not; nothing is there twice. */
  @Test
  void restartsInTheMiddleOfCallsLoseAndInventNothing() throws Exception {
    Set<String> promised = ConcurrentHashMap.newKeySet();
    Set<String> refused = ConcurrentHashMap.newKeySet();
    AtomicBoolean over = new AtomicBoolean();
    AtomicInteger number = new AtomicInteger();
    try (Store store = open(server.freshDatabase());
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int caller = 0; caller < 8; caller++) {
        threads.execute(() -> {
          while (!over.get()) {
            String id = "sbx_" + number.incrementAndGet();
            try {
              store.sandboxes().insert(sandbox(id, "key_a"), Origin.TEMPLATE);
              promised.add(id);
            } catch (PodflareException e) {
              if (!e.details().containsKey("outcome")) {
                refused.add(id);
              }
            }
          }
        });
      }
      for (int round = 0; round < 10; round++) {
        Thread.sleep(300);
        if (round % 2 == 0) {
          server.stop();
        } else {
          server.crash();
        }
        Thread.sleep(
            round == 4
                ? WAITS.connection().plusSeconds(1).toMillis()
                : 0); // longer than anybody waits for a connection
        server.goOn();
      }
      int before = promised.size();
      Thread.sleep(1000);
      over.set(true);
      threads.shutdown();
      assertThat(threads.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
      assertThat(promised.size()).as("it goes on by itself").isGreaterThan(before);
      List<String> there = store.sandboxes().live().stream().map(SandboxRecord::id).toList();
      assertThat(there).doesNotHaveDuplicates().containsAll(promised);
      assertThat(refused).isNotEmpty();
      assertThat(there).doesNotContainAnyElementsOf(refused);
    }
  }

  @Test
  void aLockOfAnotherSessionIsNotWaitedForLong() throws Exception {
    DatabaseConfig.Postgres config = server.freshDatabase();
    try (Store store = open(config)) {
      store.sandboxes().insert(sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
      try (Connection other = server.connect(config.database());
          Statement statement = other.createStatement()) {
        other.setAutoCommit(false);
        statement.execute("lock table sandboxes in access exclusive mode");
        assertUnavailable(() -> store.sandboxes().close("sbx_1", "deleted", NOW));
        assertUnavailable(() -> store.sandboxes().find("sbx_1"));
      }
      assertThat(store.sandboxes().close("sbx_1", "deleted", NOW)).isTrue();
    }
  }

  @Test
  void oneThatIsSilentIsGivenUp() {
    try (Store store = open(server.freshDatabase())) {
      server.freeze();
      try {
        assertUnavailable(
            () -> store.sandboxes().insert(sandbox("sbx_1", "key_a"), Origin.TEMPLATE));
      } finally {
        server.thaw();
      }
      store.sandboxes().insert(sandbox("sbx_2", "key_a"), Origin.TEMPLATE);
    }
  }

  @Test
  void theOneThatADeadlockUndoesIsRunAgain() throws Exception {
    try (PostgresDatabase database = PostgresDatabase.open(server.freshDatabase(), WAITS);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      database.change(handle -> {
        handle.execute("create table counters (name text, value integer)");
        handle.execute("insert into counters values ('x', 0), ('y', 0)");
      });
      AtomicInteger runs = new AtomicInteger();
      CountDownLatch bothHaveOne = new CountDownLatch(2);
      Future<?> one =
          threads.submit(() -> database.change(it -> both(it, "x", "y", runs, bothHaveOne)));
      Future<?> other =
          threads.submit(() -> database.change(it -> both(it, "y", "x", runs, bothHaveOne)));
      one.get();
      other.get();
      assertThat(runs.get()).isGreaterThan(2);
      int sum =
          database.read(handle ->
              handle.createQuery("select sum(value) from counters").mapTo(Integer.class).one());
      assertThat(sum).isEqualTo(4);
    }
  }

  @Test
  void marksAreKeptForAWhileOnly() {
    try (PostgresDatabase database = PostgresDatabase.open(server.freshDatabase(), WAITS)) {
      database.change(handle -> handle.execute("insert into write_marks values ('old', 1)"));
      database.tidy();
      List<String> left =
          database.read(handle ->
              handle.createQuery("select id from write_marks").mapTo(String.class).list());
      assertThat(left).hasSize(2).doesNotContain("old");
    }
  }

  private static void both(
      Handle handle, String first, String second, AtomicInteger runs, CountDownLatch bothHaveOne) {
    runs.incrementAndGet();
    add(handle, first);
    bothHaveOne.countDown();
    try {
      bothHaveOne.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    add(handle, second);
  }

  private static void add(Handle handle, String name) {
    handle.execute("update counters set value = value + 1 where name = ?", name);
  }

  @Test
  void whatCannotBeReachedIsSaidAtTheStart() throws Exception {
    DatabaseConfig.Postgres config = server.freshDatabase();
    try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      assertUnavailable(() -> Store.open(at(config, silent.getLocalPort()), "a", "a").close());
    }
    assertUnavailable(() -> Store.open(at(config, 1), "a", "a").close());
    refusedAtTheStart(config.withPassword("wrong" + PostgresProcess.PASSWORD));
    refusedAtTheStart(
        new DatabaseConfig.Postgres(
            config.hosts(), "nowhere", config.user(), config.password(), Map.of()));
    refusedAtTheStart(
        new DatabaseConfig.Postgres(
            config.hosts(), config.database(), config.user(), Optional.empty(), Map.of()));
  }

  private static DatabaseConfig.Postgres at(DatabaseConfig.Postgres config, int port) {
    return new DatabaseConfig.Postgres(
        List.of(new DatabaseConfig.Host("127.0.0.1", port)),
        config.database(),
        config.user(),
        config.password(),
        config.properties());
  }

  private static void refusedAtTheStart(DatabaseConfig.Postgres config) {
    assertThatThrownBy(() -> Store.open(config, "a", "a").close())
        .isInstanceOfSatisfying(
            PodflareException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG);
              assertThat(e.sentence()).contains("127.0.0.1:" + server.port());
              assertNoPassword(e);
            });
  }

  @Test
  void theFirstOfSeveralHostsThatAnswersIsTaken() {
    DatabaseConfig.Postgres config = server.freshDatabase();
    List<DatabaseConfig.Host> hosts =
        List.of(new DatabaseConfig.Host("127.0.0.1", 1), config.hosts().getFirst());
    try (Store store =
        Store.open(
            new DatabaseConfig.Postgres(
                hosts, config.database(), config.user(), config.password(), Map.of()),
            "a",
            "a")) {
      store.sandboxes().insert(sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
    }
  }
}
