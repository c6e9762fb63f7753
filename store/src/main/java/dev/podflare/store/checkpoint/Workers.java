package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The platform threads on which a store works, as many as it may have; idle ones end. Work never
 * waits for other work that has not begun, and whoever hands in work bounds how much. Thread-safe.
 */
final class Workers implements AutoCloseable {
  private static final Duration IDLE = Duration.ofSeconds(10);
  private static final Duration LAST_WORK = Duration.ofSeconds(30);

  private final ThreadPoolExecutor threads;

  Workers(int count) {
    threads =
        new ThreadPoolExecutor(
            count,
            count,
            IDLE.toMillis(),
            TimeUnit.MILLISECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name("checkpoint-store-", 0).factory());
    threads.allowCoreThreadTimeOut(true);
  }

  /** May throw {@code SHUTTING_DOWN}. */
  <T> Future<T> submit(Callable<T> work) {
    try {
      return threads.submit(work);
    } catch (RejectedExecutionException closed) {
      throw new PodflareException(
          ErrorCode.SHUTTING_DOWN, "the checkpoint store is closed", closed);
    }
  }

  /** Does the work on one of the threads and waits for it. */
  <T> T call(Callable<T> work) {
    return await(submit(work));
  }

  void run(Runnable work) {
    call(() -> {
      work.run();
      return true;
    });
  }

  /** What the work gave, or threw. May throw {@code SHUTTING_DOWN} when interrupted. */
  static <T> T await(Future<T> work) {
    try {
      return work.get();
    } catch (InterruptedException e) {
      throw interrupted(e);
    } catch (CancellationException closed) {
      throw new PodflareException(
          ErrorCode.SHUTTING_DOWN, "the checkpoint store is closed", closed);
    } catch (ExecutionException e) {
      throw unwrapped(e.getCause());
    }
  }

  static PodflareException interrupted(InterruptedException cause) {
    Thread.currentThread().interrupt();
    return new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", cause);
  }

  private static RuntimeException unwrapped(@org.jspecify.annotations.Nullable Throwable cause) {
    if (cause instanceof PodflareException coded) {
      return new PodflareException(coded.code(), coded.sentence(), coded.details(), coded);
    }
    return new PodflareException(ErrorCode.INTERNAL, "the checkpoint store failed", cause);
  }

  /** Breaks off what is at work; who waits for it is told. */
  void closeNow() {
    threads.shutdownNow().forEach(Workers::cancel);
  }

  private static void cancel(Runnable work) {
    if (work instanceof Future<?> waited) {
      waited.cancel(false);
    }
  }

  @Override
  public void close() {
    threads.shutdown();
    try {
      if (!threads.awaitTermination(LAST_WORK.toMillis(), TimeUnit.MILLISECONDS)) {
        threads.shutdownNow();
      }
    } catch (InterruptedException e) {
      threads.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
