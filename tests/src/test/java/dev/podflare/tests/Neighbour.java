package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Sandbox;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;

/** A sandbox that keeps asking its interpreter for a number while others misbehave. Thread-safe. */
final class Neighbour implements AutoCloseable {
  private final Sandbox sandbox;
  private final AtomicInteger answers = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final Thread asking;
  private volatile boolean leaving;

  private Neighbour(Sandbox sandbox) {
    this.sandbox = sandbox;
    GuestProbe.python(sandbox, "count = 0");
    this.asking = Thread.ofVirtual().start(this::ask);
  }

  static Neighbour moveIn(TestPlatform platform) {
    return new Neighbour(platform.create());
  }

  private void ask() {
    try {
      while (!leaving) {
        int expected = answers.get() + 1;
        String answer = GuestProbe.python(sandbox, "count += 1; print(count)");
        assertThat(answer).isEqualTo("" + expected);
        answers.incrementAndGet();
        Thread.sleep(200);
      }
    } catch (Throwable broken) {
      failure.set(broken);
    }
  }

  /** Moves out; fails if it was disturbed, or does not answer any more. */
  @Override
  public void close() {
    int before = answers.get();
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> failure.get() != null || answers.get() > before);
    leaving = true;
    try {
      assertThat(asking.join(TestPlatform.PATIENCE)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    assertThat(failure.get()).isNull();
    sandbox.delete();
  }
}
