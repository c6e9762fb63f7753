package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections to guests: a budget of their own, so that they never use up what the API has, and
 * one look at all of them now and then. Thread-safe; the looking is done by a thread of its own.
 */
final class PortConnections implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PortConnections.class);
  private static final Duration LONGEST_STEP = Duration.ofSeconds(1);

  private final PortsConfig config;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition fewer = lock.newCondition();
  private final Map<String, Integer> bySandbox = new HashMap<>(); // guarded by lock
  private int total; // guarded by lock
  private boolean stopping; // guarded by lock
  private final Map<Watched, OptionalLong> watched = new ConcurrentHashMap<>(); // to its end
  private final Thread watcher;

  /** A connection that is looked after. Thread-safe. */
  interface Watched {
    /** Ends it if it has been silent for too long, or asks for a sign of life. */
    void look(long nowNanos);

    /** What let it in does so no longer: ends it, and says why as far as that can be said. */
    void expire();

    /** The server stops: ends what would not end by itself. */
    void stop();

    /** Ends it at once. */
    void cut();
  }

  PortConnections(PortsConfig config) {
    this.config = config;
    this.watcher = Thread.ofVirtual().name("port watcher").start(this::watch);
  }

  /** A place in the budget. Can be closed more than once. */
  final class Place implements AutoCloseable {
    private final String sandboxId;
    private final Watched connection;
    private boolean closed; // guarded by lock

    private Place(String sandboxId, Watched connection) {
      this.sandboxId = sandboxId;
      this.connection = connection;
    }

    @Override
    public void close() {
      watched.remove(connection);
      lock.lock();
      try {
        if (!closed) {
          closed = true;
          total--;
          bySandbox.computeIfPresent(sandboxId, (_, count) -> count == 1 ? null : count - 1);
          fewer.signalAll();
        }
      } finally {
        lock.unlock();
      }
    }
  }

  /**
   * Takes a place and begins to look; refuses what is over a limit.
   *
   * @param endNanos when it expires, by {@link System#nanoTime}; empty: never
   */
  Place take(String sandboxId, Watched connection, OptionalLong endNanos) {
    lock.lock();
    try {
      if (stopping) {
        throw new PodflareException(ErrorCode.SHUTTING_DOWN, "this node is stopping");
      }
      if (total >= config.connections()) {
        throw new PodflareException(
            ErrorCode.HOST_FULL,
            "this node has " + total + " connections to guests, which is its limit");
      }
      int ofSandbox = bySandbox.getOrDefault(sandboxId, 0);
      if (ofSandbox >= config.connectionsOfSandbox()) {
        throw new PodflareException(
            ErrorCode.TOO_MANY_CONNECTIONS,
            "this sandbox has " + ofSandbox + " connections, which is its limit",
            Map.of("max_connections", config.connectionsOfSandbox()));
      }
      total++;
      bySandbox.put(sandboxId, ofSandbox + 1);
      watched.put(connection, endNanos);
      return new Place(sandboxId, connection);
    } finally {
      lock.unlock();
    }
  }

  /** Takes in no more, and waits for those that are left; true if all have ended in time. */
  boolean drain(Duration patience) throws InterruptedException {
    lock.lock();
    try {
      stopping = true;
    } finally {
      lock.unlock();
    }
    watched.keySet().forEach(Watched::stop);
    long left = patience.toNanos();
    lock.lockInterruptibly();
    try {
      while (total > 0 && left > 0) {
        left = fewer.awaitNanos(left);
      }
      return total == 0;
    } finally {
      lock.unlock();
    }
  }

  private void watch() {
    long step = Math.min(config.idle().toNanos(), config.ping().toNanos()) / 8;
    Duration pause = Duration.ofNanos(Math.min(step, LONGEST_STEP.toNanos()));
    try {
      while (true) {
        TimeUnit.NANOSECONDS.sleep(Math.max(pause.toNanos(), 1_000_000));
        long now = System.nanoTime();
        watched.forEach((one, endNanos) -> look(one, endNanos, now));
      }
    } catch (InterruptedException closed) {
      LOG.debug("the port watcher ends");
    }
  }

  private void look(Watched one, OptionalLong endNanos, long now) {
    if (endNanos.isPresent()
        && now - endNanos.getAsLong() >= 0
        && watched.replace(one, endNanos, OptionalLong.empty())) {
      one.expire();
    } else {
      one.look(now);
    }
  }

  /** Cuts what is left. Can be repeated. */
  @Override
  public void close() {
    watcher.interrupt();
    watched.keySet().forEach(Watched::cut);
  }
}
