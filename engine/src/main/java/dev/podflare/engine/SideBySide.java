package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Does one thing for many at the same time, for all or for none. Thread-safe. */
final class SideBySide {
  private final Semaphore places;

  /** {@code places}: how many are done at the same time, whoever asked for them. */
  SideBySide(int places) {
    this.places = new Semaphore(places, true);
  }

  /**
   * The results in order. Waits for all; if one fails, what the others made is undone and the first
   * failure thrown, the rest suppressed in it.
   */
  <T> List<T> all(int count, IntFunction<T> action, Consumer<T> undo) {
    List<Future<T>> futures = new ArrayList<>();
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < count; i++) {
        int index = i;
        futures.add(executor.submit(() -> inPlace(() -> action.apply(index))));
      }
    }
    List<T> made = new ArrayList<>();
    @Nullable RuntimeException failure = null;
    for (Future<T> future : futures) {
      switch (future.state()) {
        case SUCCESS -> made.add(future.resultNow());
        case FAILED -> failure = add(failure, coded(future.exceptionNow()));
        default -> failure = add(failure, interrupted());
      }
    }
    if (failure != null) {
      made.forEach(undo);
      throw failure;
    }
    return made;
  }

  private interface Task<T> {
    T run();
  }

  private <T> T inPlace(Task<T> task) throws InterruptedException {
    places.acquire();
    try {
      return task.run();
    } finally {
      places.release();
    }
  }

  private static RuntimeException add(@Nullable RuntimeException first, RuntimeException next) {
    if (first == null) {
      return next;
    }
    first.addSuppressed(next);
    return first;
  }

  private static RuntimeException coded(Throwable failure) {
    return switch (failure) {
      case RuntimeException known -> known;
      case InterruptedException _ -> interrupted();
      default -> new PodflareException(ErrorCode.INTERNAL, "a step failed: " + failure, failure);
    };
  }

  private static PodflareException interrupted() {
    return new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted");
  }
}
