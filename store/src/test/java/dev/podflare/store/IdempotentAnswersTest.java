package dev.podflare.store;

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
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class IdempotentAnswersTest {
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final Duration SHORT = Duration.ofMillis(50);

  private final TestDatabase database;

  @TempDir Path folder;

  IdempotentAnswersTest(TestDatabase database) {
    this.database = database;
  }

  @Test
  void anAnswerIsGivenAgainAfterReopening() throws Exception {
    try (Store store = open(Clock.systemUTC())) {
      assertThat(reserve(store, "digest", SHORT)).isInstanceOf(Reservation.Granted.class);
      store.answers().complete("key_a", "k", 200, "{\"id\":\"x\"}");
    }
    try (Store store = open(Clock.systemUTC())) {
      assertThat(reserve(store, "digest", SHORT))
          .isEqualTo(new Reservation.Answered(200, "{\"id\":\"x\"}"));
      assertThat(store.answers().reserve("key_b", "k", "other", SHORT))
          .as("another key's words are its own")
          .isInstanceOf(Reservation.Granted.class);
    }
  }

  @Test
  void anotherRequestUnderTheSameKeyIsAConflict() throws Exception {
    try (Store store = open(Clock.systemUTC())) {
      reserve(store, "digest", SHORT);
      assertConflict(store, "other", false);
      store.answers().complete("key_a", "k", 200, "{}");
      assertConflict(store, "other", false);
    }
  }

  @Test
  void aWaitForAnEqualRequestHasAnEnd() throws Exception {
    try (Store store = open(Clock.systemUTC())) {
      reserve(store, "digest", SHORT);
      assertConflict(store, "digest", true);
      store.answers().abandon("key_a", "k");
      assertThat(reserve(store, "digest", SHORT)).isInstanceOf(Reservation.Granted.class);
    }
  }

  @Test
  void equalRequestsAtOnceHaveOneEffect() throws Exception {
    AtomicInteger effects = new AtomicInteger();
    try (Store store = open(Clock.systemUTC());
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> answers = new ArrayList<>();
      for (int i = 0; i < 24; i++) {
        answers.add(threads.submit(() -> request(store, effects)));
      }
      for (Future<String> answer : answers) {
        assertThat(answer.get()).isEqualTo("effect 1");
      }
    }
    assertThat(effects).hasValue(1);
  }

  @Test
  void aWaiterTakesOverWhenTheFirstFails() throws Exception {
    try (Store store = open(Clock.systemUTC());
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      reserve(store, "digest", SHORT);
      Future<Reservation> second = threads.submit(() -> reserve(store, "digest", LONG));
      store.answers().abandon("key_a", "k");
      assertThat(second.get()).isInstanceOf(Reservation.Granted.class);
    }
  }

  @Test
  void aReservationThatACrashLeftIsFreed() throws Exception {
    try (Store store = open(Clock.systemUTC())) {
      reserve(store, "digest", SHORT);
    }
    try (Store store = open(Clock.systemUTC())) {
      assertThat(reserve(store, "digest", SHORT)).isInstanceOf(Reservation.Granted.class);
    }
  }

  @Test
  void answersAreForgottenAfterADay() throws Exception {
    Instant start = Instant.parse("2026-01-01T00:00:00Z");
    try (Store store = open(Clock.fixed(start, ZoneOffset.UTC))) {
      reserve(store, "digest", SHORT);
      store.answers().complete("key_a", "k", 200, "{}");
    }
    Instant within = start.plus(Duration.ofHours(23));
    try (Store store = open(Clock.fixed(within, ZoneOffset.UTC))) {
      assertThat(reserve(store, "digest", SHORT)).isInstanceOf(Reservation.Answered.class);
    }
    Instant later = start.plus(Duration.ofHours(24)).plusMillis(1);
    try (Store store = open(Clock.fixed(later, ZoneOffset.UTC))) {
      assertThat(reserve(store, "another", SHORT)).isInstanceOf(Reservation.Granted.class);
    }
  }

  private static String request(Store store, AtomicInteger effects) throws InterruptedException {
    return switch (reserve(store, "digest", LONG)) {
      case Reservation.Granted granted -> {
        Thread.sleep(30);
        String body = "effect " + effects.incrementAndGet();
        store.answers().complete("key_a", "k", 200, body);
        yield body;
      }
      case Reservation.Answered answered -> answered.body();
    };
  }

  private static Reservation reserve(Store store, String digest, Duration wait)
      throws InterruptedException {
    return store.answers().reserve("key_a", "k", digest, wait);
  }

  private static void assertConflict(Store store, String digest, boolean inProgress) {
    assertThatThrownBy(() -> reserve(store, digest, SHORT))
        .isInstanceOfSatisfying(
            PodflareException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.IDEMPOTENCY_CONFLICT);
              assertThat(e.details()).containsEntry("in_progress", inProgress);
            });
  }

  private Store open(Clock clock) {
    return Store.open(database.of(folder), "a", clock);
  }
}
