package dev.podflare.client;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Lifecycle events in their order, each once. A connection that breaks is made again and goes on
 * after the last event that was given. One reader; {@link #close} may come from any thread and ends
 * {@link #next}.
 *
 * <pre>{@code
 * try (EventStream events = podflare.events(EventsFrom.now())) {
 *   for (var event = events.next(); event.isPresent(); event = events.next()) {
 *     System.out.println(event.get().type() + " " + event.get().sandboxId());
 *   }
 * }
 * }</pre>
 */
public final class EventStream implements AutoCloseable {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

  private final HttpCaller http;
  private final boolean follow;
  private final Duration patience;
  private OptionalLong position;
  private volatile @Nullable SseReader reader; // written under this
  private boolean closed; // guarded by this

  EventStream(HttpCaller http, EventsFrom from, Duration patience) {
    this.http = http;
    this.follow = from.follow();
    this.patience = patience;
    this.position = from.after();
    connect(); // what happens from here on is not missed
  }

  /**
   * The next event; waits for it.
   *
   * @return empty once this is closed, or all was given of a stream that does not follow
   * @throws ApiException {@code EVENTS_GONE} if events were missed that are not kept any more; what
   *     a server says that cannot be reached for {@link ClientConfig#callTimeout}
   */
  public Optional<LifecycleEvent> next() {
    while (!closed()) {
      SseReader current = reader;
      if (current == null) {
        reconnect();
        continue;
      }
      try {
        Optional<SseReader.Frame> frame = current.next();
        if (frame.isPresent()) {
          position = OptionalLong.of(frame.get().id());
          if (frame.get().event().isPresent()) {
            return frame.get().event();
          }
        } else if (follow) {
          drop();
        } else {
          return Optional.empty();
        }
      } catch (IOException broken) {
        if (!follow && !closed()) {
          throw http.failure(broken);
        }
        drop();
      }
    }
    return Optional.empty();
  }

  /** Id after which this goes on; empty before anything was heard of a stream that begins now. */
  public OptionalLong position() {
    return position;
  }

  private void reconnect() {
    long end = System.nanoTime() + patience.toNanos();
    Duration pause = FIRST_PAUSE;
    while (!closed()) {
      try {
        connect();
        return;
      } catch (ApiException refused) {
        boolean passing = refused.status() == 0 || refused.status() >= 500;
        if (!passing || System.nanoTime() > end) {
          throw refused;
        }
      }
      http.sleep(pause);
      Duration twice = pause.multipliedBy(2);
      pause = twice.compareTo(LONGEST_PAUSE) < 0 ? twice : LONGEST_PAUSE;
    }
  }

  private void connect() {
    StringBuilder path = new StringBuilder("/v1/events?follow=").append(follow);
    position.ifPresent(id -> path.append("&after=").append(id));
    SseReader fresh = new SseReader(http.open(path.toString()).body());
    synchronized (this) {
      if (!closed) {
        reader = fresh;
        return;
      }
    }
    fresh.close();
  }

  private synchronized boolean closed() {
    return closed;
  }

  private synchronized void drop() {
    if (reader != null) {
      reader.close();
      reader = null;
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    drop();
  }
}
