package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ExecLogTest {
  private static final Duration SHORT = Duration.ofMillis(20);
  private static final int KIBIBYTE = 1 << 10;

  private final EventBudget budget = new EventBudget(1 << 30);
  private final AtomicInteger reads = new AtomicInteger();
  private final ExecLog log = new ExecLog(reads::incrementAndGet, budget);
  private long sequence;

  @Test
  void nothingIsLostBetweenTheStartAndTheFirstRead() throws Exception {
    write(100, 100 * KIBIBYTE);
    try (ExecStream stream = log.open(0)) {
      assertThat(sequences(stream)).startsWith(0L).hasSize(100);
    }
  }

  @Test
  void theSlowestReaderHoldsBackTheSource() throws Exception {
    try (ExecStream fast = log.open(0)) {
      try (ExecStream slow = log.open(0)) {
        write(10, KIBIBYTE);
        assertThat(log.unread()).isEqualTo(10 * cost(KIBIBYTE));
        sequences(fast);
        assertThat(log.unread()).isEqualTo(10 * cost(KIBIBYTE));
        slow.next(SHORT);
        assertThat(log.unread()).isEqualTo(9 * cost(KIBIBYTE));
      }
      assertThat(log.unread()).as("who has gone holds nothing back").isZero();
    }
    assertThat(reads.get()).isPositive();
  }

  @Test
  void withoutReadersOldEventsGoAndNothingIsHeldBack() throws Exception {
    log.releaseReservation();
    write(200, 100 * KIBIBYTE);
    assertThat(log.unread()).isZero();
    assertThat(log.retained()).isLessThanOrEqualTo(ExecLog.RETAINED);
    try (ExecStream late = log.open(0)) {
      List<Long> seen = sequences(late);
      assertThat(seen.getFirst()).isPositive();
      assertThat(seen.getLast()).isEqualTo(199);
    }
  }

  @Test
  void aLateReaderJoinsWhereItSays() throws Exception {
    write(10, KIBIBYTE);
    log.append(new ExecEvent.Exit(sequence++, 0, 0, ExecEvent.Reason.EXITED));
    try (ExecStream stream = log.open(7)) {
      assertThat(sequences(stream)).containsExactly(7L, 8L, 9L, 10L);
      assertThat(stream.ended()).isTrue();
    }
    try (ExecStream behind = log.open(100)) {
      assertThat(behind.next(SHORT)).isEmpty();
      assertThat(behind.ended()).as("waiting longer would not help").isTrue();
    }
  }

  @Test
  void waitsForWhatIsStillToCome() throws Exception {
    try (ExecStream stream = log.open(0)) {
      assertThat(stream.next(SHORT)).isEmpty();
      assertThat(stream.ended()).isFalse();
      Thread writer = Thread.ofVirtual().start(() -> write(1, 1));
      assertThat(stream.next(Duration.ofSeconds(10))).isPresent();
      writer.join();
    }
  }

  @Test
  void emptyLinesCostAsWell() {
    write(1000, 0);
    assertThat(log.unread()).isEqualTo(1000 * cost(0));
    assertThat(budget.held()).isEqualTo(1000 * cost(0));
  }

  @Test
  void aJoinBehindTheEndWaitsForWhatComesNext() throws Exception {
    write(3, KIBIBYTE);
    try (ExecStream ahead = log.open(1000)) {
      assertThat(ahead.next(SHORT)).isEmpty();
      assertThat(log.unread()).isZero();
      write(1, KIBIBYTE);
      assertThat(sequences(ahead)).containsExactly(3L);
    }
  }

  @Test
  void whatIsAbandonedNoLongerCounts() {
    write(10, KIBIBYTE);
    log.abandon();
    assertThat(budget.held()).isZero();
    log.releaseReservation();
    write(10_000, KIBIBYTE);
    assertThat(budget.held()).isZero();
  }

  @Test
  void whileMemoryIsShortNothingIsKeptForLateReaders() {
    log.releaseReservation();
    budget.add(2L << 30);
    write(100, KIBIBYTE);
    assertThat(log.retained()).isEqualTo(cost(KIBIBYTE));
  }

  private static long cost(int bytes) {
    return (long) bytes + ExecEvent.OVERHEAD;
  }

  private void write(int count, int bytes) {
    for (int i = 0; i < count; i++) {
      log.append(new ExecEvent.Output(sequence++, 0, ExecEvent.Stream.STDOUT, new byte[bytes]));
    }
  }

  private static List<Long> sequences(ExecStream stream) throws InterruptedException {
    List<Long> seen = new ArrayList<>();
    for (var event = stream.next(SHORT); event.isPresent(); event = stream.next(SHORT)) {
      seen.add(event.get().sequence());
    }
    return seen;
  }
}
