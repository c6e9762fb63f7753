package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Of daemons in this process and in others, one at a time. */
class RangeLockTest {
  private static final String HOLDER =
      """
      import fcntl, sys
      with open('/run/podflare/range.lock', 'w') as file:
          fcntl.lockf(file, fcntl.LOCK_EX)
          print('held', flush=True)
          sys.stdin.readline()
      """;

  @Test
  void oneThreadAtATime() throws InterruptedException {
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      threads.add(
          Thread.ofVirtual()
              .start(() -> {
                for (int round = 0; round < 50; round++) {
                  try (RangeLock _ = RangeLock.take()) {
                    most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                    Thread.onSpinWait();
                    inside.decrementAndGet();
                  }
                }
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(most).hasValue(1);
  }

  @Test
  void anotherProcessIsWaitedFor() throws Exception {
    RangeLock.take().close(); // makes the file
    Process holder = new ProcessBuilder("python3", "-c", HOLDER).start();
    try (BufferedReader said =
        new BufferedReader(
            new InputStreamReader(holder.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(said.readLine()).isEqualTo("held");
      CountDownLatch taken = new CountDownLatch(1);
      Thread waiting =
          Thread.ofPlatform()
              .start(() -> {
                try (RangeLock _ = RangeLock.take()) {
                  taken.countDown();
                }
              });
      Thread.sleep(100);
      assertThat(taken.getCount()).isOne();
      holder.getOutputStream().close();
      waiting.join();
      assertThat(taken.getCount()).isZero();
    } finally {
      holder.destroy();
    }
  }
}
