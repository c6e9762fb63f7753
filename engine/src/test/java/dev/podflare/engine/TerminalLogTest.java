package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TerminalLogTest {
  private static final EventBudget ROOMY = new EventBudget(1L << 40);

  /** The byte of that number, in every stream of this test. */
  private static byte at(long number) {
    return (byte) (number * 31 + (number >> 12));
  }

  private static byte[] bytes(long from, int count) {
    byte[] bytes = new byte[count];
    for (int i = 0; i < count; i++) {
      bytes[i] = at(from + i);
    }
    return bytes;
  }

  private static void assertRight(TerminalPiece piece) {
    assertThat(piece.bytes()).isEqualTo(bytes(piece.from(), piece.bytes().length));
  }

  @Test
  void whateverIsReadIsWhatWasWrittenThere() throws Exception {
    Random random = new Random(7);
    TerminalLog log = new TerminalLog(ROOMY, 0, new byte[0]);
    TerminalStream viewer = log.open();
    TerminalStream lazy = log.open();
    long written = 0;
    long seen = 0;
    long lazySeen = 0;
    for (int i = 0; i < 3000; i++) {
      int count = random.nextInt(4) == 0 ? random.nextInt(40_000) : random.nextInt(50);
      log.append(bytes(written, count));
      written += count;
      Optional<TerminalPiece> piece = viewer.next(Duration.ZERO);
      while (piece.isPresent()) {
        assertRight(piece.get());
        assertThat(piece.get().skipped()).isZero();
        assertThat(piece.get().from()).isEqualTo(seen);
        seen = piece.get().next();
        piece = viewer.next(Duration.ZERO);
      }
      if (random.nextInt(200) == 0) {
        Optional<TerminalPiece> late = lazy.next(Duration.ZERO);
        if (late.isPresent()) {
          assertRight(late.get());
          assertThat(late.get().from() - late.get().skipped()).isEqualTo(lazySeen);
          lazySeen = late.get().next();
        }
      }
      long since = (long) (random.nextDouble() * written);
      Terminal.Read read = log.read(since, random.nextInt(1 << 17) + 1, Duration.ZERO);
      assertRight(read.piece());
      assertThat(read.piece().from() - read.piece().skipped()).isEqualTo(since);
      assertThat(read.piece().skipped() > 0).isEqualTo(read.piece().from() > since);
    }
    assertThat(seen).isEqualTo(written);
    long kept = written - log.read(0, 1, Duration.ZERO).piece().from();
    assertThat(kept).isBetween((long) Terminal.KEPT, Terminal.KEPT + 4096L);
    assertThat(log.recent(32 << 10)).isEqualTo(bytes(written - (32 << 10), 32 << 10));
  }

  @Test
  void itGoesOnFromWhereAnotherWas() throws Exception {
    TerminalLog log = new TerminalLog(ROOMY, 5_000_001, bytes(4_990_001, 10_000));
    log.append(bytes(5_000_001, 10));
    Terminal.Read read = log.read(0, 1 << 20, Duration.ZERO);
    assertThat(read.piece().from()).isEqualTo(4_990_001);
    assertThat(read.piece().next()).isEqualTo(5_000_011);
    assertThat(read.piece().skipped()).isEqualTo(4_990_001);
    assertRight(read.piece());
    assertThat(log.read(Long.MAX_VALUE, 10, Duration.ZERO).piece().bytes()).isEmpty();
  }

  @Test
  void aViewerThatFallsBehindGoesOnNearTheEnd() throws Exception {
    TerminalLog log = new TerminalLog(ROOMY, 0, new byte[0]);
    TerminalStream viewer = log.open();
    log.append(bytes(0, 100));
    assertThat(viewer.next(Duration.ZERO).orElseThrow().next()).isEqualTo(100);
    for (int i = 0; i < 200; i++) {
      log.append(bytes(100 + 10_000L * i, 10_000));
    }
    TerminalPiece piece = viewer.next(Duration.ZERO).orElseThrow();
    assertThat(piece.next()).isEqualTo(2_000_100);
    assertThat(piece.skipped()).isEqualTo(2_000_000 - (32 << 10));
    assertRight(piece);
  }

  @Test
  void theEndComesAfterAllOutput() throws Exception {
    TerminalLog log = new TerminalLog(ROOMY, 0, new byte[0]);
    TerminalStream viewer = log.open();
    assertThat(log.watched()).isTrue();
    log.append(bytes(0, 5));
    log.end(new TerminalEnd.Exited(3));
    log.end(new TerminalEnd.Lost("too late"));
    assertThat(viewer.end()).isEmpty();
    assertThat(log.read(0, 2, Duration.ZERO).end()).isEmpty();
    assertThat(viewer.next(Duration.ofDays(1))).isPresent();
    assertThat(viewer.next(Duration.ofDays(1))).isEmpty();
    assertThat(viewer.end()).contains(new TerminalEnd.Exited(3));
    assertThat(log.read(5, 2, Duration.ofDays(1)).end()).contains(new TerminalEnd.Exited(3));
    viewer.close();
    viewer.close();
    assertThat(log.watched()).isFalse();
  }

  @Test
  void whatItHoldsIsCountedAndLittleWhenMemoryIsShort() {
    EventBudget budget = new EventBudget(100_000);
    TerminalLog log = new TerminalLog(budget, 0, new byte[0]);
    log.append(bytes(0, 10_000));
    assertThat(budget.held()).as("nobody's yet").isZero();
    log.count();
    assertThat(budget.held()).isEqualTo(3 * 4096);
    log.append(bytes(10_000, 200_000));
    assertThat(budget.held()).isLessThanOrEqualTo(5 * 4096);
    for (int i = 0; i < 100; i++) {
      log.append(bytes(210_000 + 1000L * i, 1000));
    }
    assertThat(log.recent(1000)).isEqualTo(bytes(309_000, 1000));
    assertThat(budget.held()).isLessThanOrEqualTo(100_000 + 8192);
    log.abandon();
    assertThat(budget.held()).isZero();
    log.append(bytes(310_000, 100_000));
    assertThat(budget.held()).isZero();
  }
}
