package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.client.Sandbox;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Cancels the current execution when the user interrupts (Ctrl-C or SIGTERM), and then waits for
 * the caller to see its end and tidy up. Thread-safe.
 */
final class Cancellation implements AutoCloseable {
  /** Longer than the server's own patience between interrupt and kill. */
  private static final int PATIENCE_SECONDS = 10;

  private record Current(Sandbox sandbox, String execId) {}

  private final CountDownLatch finished = new CountDownLatch(1);
  private final Thread hook = new Thread(this::interrupted, "podflare-interrupt");
  private @Nullable Current current; // guarded by this
  private boolean cancelled; // guarded by this

  Cancellation() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** From now on this execution is the one to cancel. */
  synchronized void started(Sandbox sandbox, String execId) {
    current = new Current(sandbox, execId);
    if (cancelled) {
      cancelCurrent();
    }
  }

  /** Asks the server to interrupt the current execution, now or as soon as it has started. */
  synchronized void cancel() {
    cancelled = true;
    cancelCurrent();
  }

  /** The execution has ended; the next one is not cancelled. */
  synchronized void ended() {
    current = null;
    cancelled = false;
  }

  private void cancelCurrent() {
    if (current == null) {
      return;
    }
    try {
      current.sandbox().cancel(current.execId());
    } catch (ApiException refused) {
      System.err.println("podflare: cannot cancel: " + Failures.text(refused));
    }
  }

  private void interrupted() {
    cancel();
    try {
      if (!finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        System.err.println("podflare: gave up waiting for the execution to end");
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  /** Everything is tidied up. */
  @Override
  public void close() {
    finished.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException _) {
      // The hook is running: it was waiting for the count.
    }
  }
}
