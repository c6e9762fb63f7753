package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.EventPage;
import dev.podflare.store.EventRecord;
import dev.podflare.store.Events;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lifecycle events as server-sent events. Nothing is held for a reader but the page that is being
 * written: the next one is read from the records when it is through. So a slow reader costs a
 * thread, is cut when its connection does not move for as long as any other, and goes on after the
 * last id that it has seen. A silent stream carries the number up to which there was nothing for
 * this reader. Thread-safe; each stream runs on its caller's thread.
 */
final class LifecycleStreams {
  private static final Logger LOG = LoggerFactory.getLogger(LifecycleStreams.class);
  private static final int PAGE = 100;
  private static final int MOST = 256;
  private static final int MOST_OF_KEY = 16;

  private final Events events;
  private final Duration heartbeat;
  private final Predicate<String> keyLives;
  private final Set<Thread> running = ConcurrentHashMap.newKeySet();
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, Integer> ofKey = new HashMap<>(); // guarded by lock
  private int total; // guarded by lock
  private volatile boolean stopping;

  /** {@code keyLives}: whether a key of that id still opens anything. */
  LifecycleStreams(Events events, Duration heartbeat, Predicate<String> keyLives) {
    this.events = events;
    this.heartbeat = heartbeat;
    this.keyLives = keyLives;
  }

  /**
   * What is asked for.
   *
   * @param after number after which the events begin
   * @param keyId whose events; empty: of all keys
   * @param follow whether the stream goes on when all that there was has been sent
   */
  record Wish(long after, Optional<String> keyId, boolean follow) {}

  /** Streams until the caller is gone, the server stops or the key is revoked. */
  void send(Exchange exchange, Wish wish) throws IOException {
    String keyId = exchange.caller().keyId();
    enter(keyId);
    running.add(Thread.currentThread());
    try {
      long changes = events.changes();
      EventPage first = events.after(wish.after(), wish.keyId(), PAGE); // refuses before the head
      HttpServletResponse response = exchange.context().res();
      response.setStatus(200);
      response.setContentType("text/event-stream");
      response.setCharacterEncoding("UTF-8");
      response.setHeader("Cache-Control", "no-cache");
      response.setHeader("X-Accel-Buffering", "no"); // a proxy is not to hold events back
      pump(response.getOutputStream(), wish, first, changes, keyId);
    } catch (IOException gone) {
      LOG.debug("request {}: the caller is gone", exchange.requestId(), gone);
    } catch (PodflareException failed) {
      if (!exchange.context().res().isCommitted()) {
        throw failed;
      }
      LOG.info("request {}: the stream was cut: {}", exchange.requestId(), failed.sentence());
      Connections.cut(exchange.context().req());
    } catch (InterruptedException stopped) {
      LOG.debug("request {}: the server stops", exchange.requestId(), stopped);
    } finally {
      running.remove(Thread.currentThread());
      leave(keyId);
    }
  }

  private void pump(
      ServletOutputStream out, Wish wish, EventPage first, long changesBefore, String keyId)
      throws IOException, InterruptedException {
    EventPage page = first;
    long changes = changesBefore;
    long told = -1;
    long lastWrite = System.nanoTime();
    while (!stopping) {
      long silent = System.nanoTime() - lastWrite;
      boolean due = told < 0 || silent >= heartbeat.toNanos();
      if (due && !keyLives.test(keyId)) {
        return;
      }
      if (!page.events().isEmpty() || due) {
        out.write(text(page).getBytes(StandardCharsets.UTF_8));
        out.flush();
        told = page.position();
        lastWrite = System.nanoTime();
      }
      if (page.events().size() < PAGE) {
        if (!wish.follow()) {
          return;
        }
        events.await(changes, heartbeat);
      }
      changes = events.changes();
      page = events.after(page.position(), wish.keyId(), PAGE);
    }
  }

  /** Without events only the position: a reader who resumes there has missed nothing. */
  private static String text(EventPage page) {
    StringBuilder text = new StringBuilder();
    for (EventRecord event : page.events()) {
      text.append("id: ").append(event.id()).append("\nevent: ").append(event.type());
      text.append("\ndata: ").append(event.body()).append("\n\n");
    }
    if (page.events().isEmpty()) {
      text.append(":\nid: ").append(page.position()).append("\n\n");
    }
    return text.toString();
  }

  private void enter(String keyId) {
    lock.lock();
    try {
      int mine = ofKey.getOrDefault(keyId, 0);
      if (total >= MOST || mine >= MOST_OF_KEY) {
        throw new PodflareException(
            ErrorCode.TOO_MANY_CONNECTIONS,
            mine >= MOST_OF_KEY
                ? "this key follows the events " + mine + " times already, which is its limit"
                : "the events are followed " + total + " times already, which is the limit",
            Map.of("limit", mine >= MOST_OF_KEY ? MOST_OF_KEY : MOST));
      }
      total++;
      ofKey.put(keyId, mine + 1);
    } finally {
      lock.unlock();
    }
  }

  private void leave(String keyId) {
    lock.lock();
    try {
      total--;
      ofKey.computeIfPresent(keyId, (_, count) -> count == 1 ? null : count - 1);
    } finally {
      lock.unlock();
    }
  }

  /** The server stops: these streams would never end by themselves; within a second they do. */
  void endAll() {
    stopping = true;
  }

  /** Ends those whose reader takes nothing. */
  void interruptAll() {
    running.forEach(Thread::interrupt);
  }
}
