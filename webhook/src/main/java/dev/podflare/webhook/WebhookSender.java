package dev.podflare.webhook;

import dev.podflare.common.SteadyClock;
import dev.podflare.store.EventRecord;
import dev.podflare.store.Store;
import dev.podflare.store.WebhookDelivery;
import dev.podflare.store.WebhookRecord;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends what is due. One thread looks for it and starts workers, as many as there is room for, of
 * which each goes on as long as there is something for its webhook. All that matters is in the
 * records: a sender that is killed is replaced by the next one. Thread-safe.
 */
final class WebhookSender implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WebhookSender.class);
  private static final Duration TICK = Duration.ofSeconds(1);

  /** What is appended within this is looked for together, so that a rush of events costs little. */
  private static final Duration TOGETHER = Duration.ofMillis(20);

  /** A claim outlasts its attempt by this, so that nobody else begins another meanwhile. */
  private static final Duration SLACK = Duration.ofSeconds(15);

  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final Store store;
  private final WebhookCaller caller;
  private final WebhookConfig config;
  private final WebhookQueue queue;
  private final Judge judge;
  private final Clock clock;
  private final SteadyClock steady;
  private final ExecutorService workers = Executors.newVirtualThreadPerTaskExecutor();
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, Integer> active = new HashMap<>(); // guarded by lock
  private final Thread loop;
  private volatile boolean closed;

  WebhookSender(
      Store store, WebhookCaller caller, WebhookConfig config, Backoff backoff, Clock clock) {
    this.store = store;
    this.caller = caller;
    this.config = config;
    this.queue = new WebhookQueue(store, config, clock);
    this.judge = new Judge(store, config, backoff);
    this.clock = clock;
    this.steady = new SteadyClock(clock, System::nanoTime);
    this.loop = Thread.ofVirtual().name("webhooks").unstarted(this::run);
  }

  void start() {
    loop.start();
  }

  private void run() {
    while (!closed) {
      long changes = store.events().changes();
      try {
        if (!round()) {
          store.events().await(changes, TICK);
          Thread.sleep(TOGETHER);
        }
      } catch (InterruptedException stopped) {
        return;
      } catch (RuntimeException e) {
        if (!closed) {
          LOG.warn("while looking for events to send", e);
          pause();
        }
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(TICK);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whether there may be more to do at once. */
  private boolean round() {
    followClock();
    List<WebhookRecord> webhooks = store.webhooks().enabled();
    boolean more = !webhooks.isEmpty() && queue.fill(webhooks);
    Set<String> due = new HashSet<>(store.deliveries().dueWebhooks(clock.instant()));
    for (WebhookRecord webhook : webhooks) {
      if (due.contains(webhook.id())) {
        startWorkers(webhook.id());
      }
    }
    return more;
  }

  /**
   * If the clock is set back, what was to be sent in a minute would be sent an hour and a minute
   * from now. Set forward, it is sent too early, which does no harm.
   */
  private void followClock() {
    Duration jump = steady.jump();
    if (jump.isNegative()) {
      LOG.warn("the host's clock was set back by {}; events to send come as much earlier", jump);
      store.deliveries().bringForward(jump.negated());
    }
    if (!jump.isZero()) {
      steady.follow();
    }
  }

  private void startWorkers(String id) {
    while (!closed && enter(id)) {
      Optional<WebhookDelivery> delivery = claim(id);
      if (delivery.isEmpty()) {
        leave(id);
        return;
      }
      workers.execute(() -> work(delivery.get()));
    }
  }

  private void work(WebhookDelivery first) {
    try {
      Optional<WebhookDelivery> delivery = Optional.of(first);
      while (delivery.isPresent() && attempt(delivery.get()) && !closed) {
        delivery = claim(first.webhookId());
      }
    } catch (RuntimeException e) {
      if (!closed) {
        LOG.warn("while sending to webhook {}; it is tried again", first.webhookId(), e);
      }
    } finally {
      leave(first.webhookId());
    }
  }

  /** Whether there is any use in going on. */
  private boolean attempt(WebhookDelivery delivery) {
    Optional<WebhookRecord> webhook = store.webhooks().findEnabled(delivery.webhookId());
    Optional<EventRecord> event = store.events().find(delivery.eventId());
    if (webhook.isEmpty() || event.isEmpty()) {
      return false; // disabled or deleted with all that waited for it, revoked, or forgotten
    }
    Outcome outcome = caller.send(webhook.get(), event.get());
    if (closed && !(outcome instanceof Outcome.Taken)) {
      store.deliveries().release(delivery, clock.instant());
      return false;
    }
    return judge.settle(webhook.get(), delivery, outcome, clock.instant());
  }

  private Optional<WebhookDelivery> claim(String id) {
    Instant now = clock.instant();
    for (WebhookDelivery due : store.deliveries().due(id, now, config.atOnceToOne())) {
      Optional<WebhookDelivery> claimed =
          store.deliveries().claim(due, now, now.plus(config.deadline()).plus(SLACK));
      if (claimed.isPresent()) {
        return claimed;
      }
    }
    return Optional.empty();
  }

  private boolean enter(String id) {
    lock.lock();
    try {
      int mine = active.getOrDefault(id, 0);
      int all = active.values().stream().mapToInt(it -> it).sum();
      boolean room = mine < config.atOnceToOne() && all < config.atOnce();
      if (room) {
        active.put(id, mine + 1);
      }
      return room;
    } finally {
      lock.unlock();
    }
  }

  private void leave(String id) {
    lock.lock();
    try {
      active.computeIfPresent(id, (_, count) -> count == 1 ? null : count - 1);
    } finally {
      lock.unlock();
    }
  }

  /** Breaks off what is under way; it is sent again by the next sender. */
  @Override
  public void close() {
    closed = true;
    loop.interrupt();
    workers.shutdown();
    caller.close();
    try {
      if (!workers.awaitTermination(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.info("some attempts to send to webhooks did not end within {}", PATIENCE);
      }
      loop.join(PATIENCE);
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
    }
  }
}
