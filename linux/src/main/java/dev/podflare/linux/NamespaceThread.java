package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One platform thread that runs tasks in a network namespace, one after the other. A thread and not
 * the process moves: sockets that are made in a task, and files below {@code /proc/sys/net} that it
 * opens, are the namespace's.
 *
 * <p>A new thread stands where the thread that started it stands. So a task must not start threads,
 * nor wake virtual ones, for which the JDK may start a carrier: a carrier in the wrong namespace
 * would make sockets there for anybody. For the same reason this thread rests in the process's own
 * namespace, and is back there before it hands a result on. Thread-safe. Tasks may not call it
 * again.
 */
public final class NamespaceThread implements AutoCloseable {
  private static final Duration LONGEST_TASK = Duration.ofSeconds(60);
  private static final String OWN = "/proc/thread-self/ns/net";
  private static final int O_CLOEXEC = 02000000;

  private final ExecutorService executor;
  private final Optional<Integer> home;
  private final int own;
  private final AtomicBoolean closed = new AtomicBoolean();

  private NamespaceThread(ExecutorService executor, Optional<Integer> home, int own) {
    this.executor = executor;
    this.home = home;
    this.own = own;
  }

  /**
   * Starts the thread.
   *
   * @param name of the thread
   * @param namespace path of the namespace; empty: the one of this process
   */
  public static NamespaceThread open(String name, Optional<Path> namespace) {
    Optional<Integer> home = namespace.map(path -> Libc.open(path.toString(), O_CLOEXEC));
    int own = Libc.open("/proc/self/ns/net", O_CLOEXEC);
    ExecutorService executor =
        Executors.newSingleThreadExecutor(Thread.ofPlatform().name(name).daemon().factory());
    NamespaceThread thread = new NamespaceThread(executor, home, own);
    try {
      thread.run(() -> {});
      return thread;
    } catch (RuntimeException e) {
      thread.close();
      throw e;
    }
  }

  /** Runs the task in the namespace and waits for it, at most a minute. */
  public <T> T call(Callable<T> task) {
    return submit(() -> {
      home.ifPresent(NetworkCalls::enterNetwork);
      return task.call();
    });
  }

  private <T> T submit(Callable<T> task) {
    Future<T> future;
    try {
      future =
          executor.submit(() -> {
            try {
              return task.call();
            } finally {
              comeBack();
            }
          });
    } catch (RejectedExecutionException e) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "the network is closed", e);
    }
    return await(future);
  }

  /** A thread that cannot come back must not be used again. */
  private void comeBack() {
    try {
      NetworkCalls.enterNetwork(own);
    } catch (RuntimeException e) {
      executor.shutdown();
      throw e;
    }
  }

  private static <T> T await(Future<T> future) {
    try {
      return future.get(LONGEST_TASK.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof PodflareException coded) {
        throw new PodflareException(coded.code(), coded.sentence(), coded.details(), e);
      }
      throw new PodflareException(ErrorCode.INTERNAL, "in a namespace: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.TIMED_OUT, "interrupted in a namespace's task", e);
    } catch (TimeoutException e) {
      future.cancel(false);
      throw new PodflareException(
          ErrorCode.TIMED_OUT, "a namespace's task took longer than " + LONGEST_TASK, e);
    }
  }

  /** {@link #call} without an answer. */
  public void run(Runnable task) {
    Object ignored = call(Executors.callable(task, true));
  }

  /** Runs the task in another namespace. */
  public <T> T callIn(Path namespace, Callable<T> task) {
    return submit(() -> {
      int fd = Libc.open(namespace.toString(), O_CLOEXEC);
      try {
        NetworkCalls.enterNetwork(fd);
      } finally {
        Libc.close(fd);
      }
      return task.call();
    });
  }

  /** Makes a new namespace and keeps it under the path, an empty file that must be there. */
  public void create(Path path) {
    Object ignored =
        submit(() -> {
          NetworkCalls.unshareNetwork();
          NetworkCalls.bindMount(OWN, path.toString());
          return true;
        });
  }

  /** Lets go of a namespace that {@link #create} made; false if none was kept there. */
  public static boolean release(Path path) {
    return NetworkCalls.unmount(path.toString());
  }

  /** Waits for the tasks that were begun. Can be repeated. */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    executor.shutdown();
    try {
      if (!executor.awaitTermination(LONGEST_TASK.toSeconds(), TimeUnit.SECONDS)) {
        executor.shutdownNow();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    home.ifPresent(Libc::close);
    Libc.close(own);
  }
}
