package dev.podflare.engine;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.GuestProcesses;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/** Waits for ports of one sandbox's guest; while there are some, it is not idle. Thread-safe. */
final class PortWaits {
  /** Most at once. */
  private static final int MOST = 64;

  private final AtomicInteger waiting = new AtomicInteger();

  /** What a wait needs of its sandbox. */
  interface Place {
    GuestProcesses.PortWait begin(int port);

    /** Why the guest is not heard any more. */
    String whyLost();
  }

  boolean inUse() {
    return waiting.get() > 0;
  }

  PortFound await(Place place, PortWish wish, Optional<LocalExecution> process)
      throws InterruptedException {
    if (waiting.incrementAndGet() > MOST) {
      waiting.decrementAndGet();
      throw new PodflareException(
          ErrorCode.EXEC_QUEUE_FULL, "this sandbox has " + MOST + " waits for ports already");
    }
    try (GuestProcesses.PortWait wait = place.begin(wish.port())) {
      return await(wait, place, wish, process);
    } finally {
      waiting.decrementAndGet();
    }
  }

  private static PortFound await(
      GuestProcesses.PortWait wait, Place place, PortWish wish, Optional<LocalExecution> process)
      throws InterruptedException {
    CompletableFuture<List<String>> found = wait.found();
    CompletableFuture<Object> first =
        process.isPresent()
            ? CompletableFuture.anyOf(found, process.get().exit())
            : CompletableFuture.anyOf(found);
    try {
      Object ignored = AwakeTime.get(first, wish.patience());
      if (!found.isDone() && process.isPresent()) {
        throw LocalProcess.ended(process.get().id(), process.get().exit().join());
      }
      return PortFound.of(wish.port(), found.join());
    } catch (TimeoutException e) {
      throw new PodflareException(
          ErrorCode.TIMED_OUT,
          "nothing listens on port " + wish.port() + " after " + wish.patience().toMillis() + " ms",
          Map.of("port", wish.port()),
          e);
    } catch (ExecutionException e) {
      throw new PodflareException(ErrorCode.WRONG_STATE, place.whyLost(), e);
    }
  }
}
