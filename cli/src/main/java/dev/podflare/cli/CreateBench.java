package dev.podflare.cli;

import dev.podflare.client.Capacity;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Measures how long creates take from a pool that is full enough. One thread. */
final class CreateBench {
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private final Podflare podflare;
  private final SandboxOptions options;

  CreateBench(Podflare podflare, SandboxOptions options) {
    this.podflare = podflare;
    this.options = options;
  }

  private record Timed(Sandbox sandbox, double millis) {}

  private Timed create() {
    long began = System.nanoTime();
    Sandbox sandbox = podflare.create(options);
    return new Timed(sandbox, (System.nanoTime() - began) / 1e6);
  }

  /** So that nothing is made in the background while other things are measured. */
  void awaitFullPool() {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!podflare.capacity().templates().containsKey(template())) {
      if (System.nanoTime() > deadline) {
        break; // pool() says what is wrong
      }
      pause();
    }
    awaitPool(pool().target());
  }

  private String template() {
    return options.template().orElse("default");
  }

  /** Milliseconds of creates one after the other, from a pool that is at least half full. */
  Statistics sequential(int rounds) {
    List<Double> millis = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      awaitPool(1);
      if (pool().ready() * 2 <= pool().target()) {
        awaitFullPool();
      }
      Timed made = create();
      millis.add(made.millis());
      made.sandbox().close();
    }
    return Statistics.of(millis);
  }

  /** Milliseconds of creates all at once, from a pool that has a member for each. */
  Statistics burst(int size) {
    awaitPool(size);
    List<Timed> made = new ArrayList<>();
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Timed>> futures = new ArrayList<>();
      Callable<Timed> create = this::create;
      for (int i = 0; i < size; i++) {
        futures.add(callers.submit(create));
      }
      for (Future<Timed> future : futures) {
        made.add(await(future));
      }
    } finally {
      made.forEach(it -> it.sandbox().close());
    }
    return Statistics.of(made.stream().map(Timed::millis).toList());
  }

  private static Timed await(Future<Timed> future) {
    try {
      return future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException failed) {
      throw failed.getCause() instanceof RuntimeException cause
          ? cause
          : new IllegalStateException(failed);
    } catch (TimeoutException late) {
      throw new PodflareException(ErrorCode.TIMED_OUT, "a create of the burst did not end", late);
    } catch (InterruptedException interrupted) {
      throw interrupted(interrupted);
    }
  }

  private void awaitPool(int wanted) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (pool().ready() < wanted) {
      if (pool().target() < wanted) {
        throw new PodflareException(
            ErrorCode.INVALID_CONFIG,
            "the server keeps a pool of " + pool().target() + "; start it with --pool " + wanted);
      }
      if (System.nanoTime() > deadline) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT,
            "the pool did not fill to " + wanted + " within " + PATIENCE.toMinutes() + " min");
      }
      pause();
    }
  }

  private Capacity.Pool pool() {
    Map<String, Capacity.Pool> pools = podflare.capacity().templates();
    String name = template();
    Capacity.Pool pool = pools.get(name);
    if (pool == null) {
      throw new PodflareException(
          ErrorCode.TEMPLATE_NOT_FOUND,
          "the server keeps no pool of template " + name + ", but of " + pools.keySet());
    }
    return pool;
  }

  private static void pause() {
    try {
      Thread.sleep(Duration.ofMillis(20));
    } catch (InterruptedException interrupted) {
      throw interrupted(interrupted);
    }
  }

  private static PodflareException interrupted(InterruptedException interrupted) {
    Thread.currentThread().interrupt();
    return new PodflareException(ErrorCode.TIMED_OUT, "interrupted", interrupted);
  }
}
