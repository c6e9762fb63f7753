package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class SideBySideTest {
  @Test
  void resultsComeInOrderAndTheWorkIsDoneAtTheSameTime() {
    CountDownLatch all = new CountDownLatch(4);
    List<Boolean> together = new SideBySide(4).all(4, _ -> meet(all), _ -> {});
    assertThat(together).containsOnly(true);
    assertThat(new SideBySide(2).all(5, i -> i * i, _ -> {})).containsExactly(0, 1, 4, 9, 16);
  }

  private static boolean meet(CountDownLatch all) {
    all.countDown();
    try {
      return all.await(20, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      return false;
    }
  }

  @Test
  void noMoreAtOnceThanThereArePlaces() {
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    new SideBySide(2)
        .all(
            8,
            i -> {
              most.accumulateAndGet(now.incrementAndGet(), Math::max);
              LockSupport.parkNanos(1_000_000);
              return now.decrementAndGet();
            },
            _ -> {});
    assertThat(most.get()).isBetween(1, 2);
  }

  @Test
  void oneFailureUndoesWhatTheOthersMade() {
    Set<Integer> undone = ConcurrentHashMap.newKeySet();
    assertThatThrownBy(() ->
            new SideBySide(3)
                .all(
                    5,
                    i -> {
                      if (i == 1 || i == 3) {
                        throw new IllegalStateException("no " + i);
                      }
                      return i;
                    },
                    undone::add))
        .hasMessage("no 1")
        .satisfies(failure -> assertThat(failure.getSuppressed()[0]).hasMessage("no 3"));
    assertThat(undone).containsExactlyInAnyOrder(0, 2, 4);
  }
}
