package dev.podflare.webhook;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.EventPage;
import dev.podflare.store.EventRecord;
import dev.podflare.store.Store;
import dev.podflare.store.WebhookRecord;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings events from the records into the queues of webhooks. A queue is short; what has no room
 * yet waits where it is. How far was looked is written down with what was found, and otherwise only
 * now and then: to look again at what nobody wants costs little. One thread.
 */
final class WebhookQueue {
  private static final Logger LOG = LoggerFactory.getLogger(WebhookQueue.class);
  private static final int PAGE = 100;
  private static final long FAR = 1000;

  private final Store store;
  private final WebhookConfig config;
  private final Clock clock;
  private final Map<String, Long> looked = new HashMap<>();

  WebhookQueue(Store store, WebhookConfig config, Clock clock) {
    this.store = store;
    this.config = config;
    this.clock = clock;
  }

  /**
   * Looks at what is new.
   *
   * @return whether there may be more at once
   */
  boolean fill(List<WebhookRecord> webhooks) {
    long last = store.events().last();
    boolean more = false;
    for (WebhookRecord webhook : webhooks) {
      more |= fill(webhook, last);
    }
    looked.keySet().retainAll(Set.copyOf(webhooks.stream().map(WebhookRecord::id).toList()));
    return more;
  }

  private boolean fill(WebhookRecord webhook, long last) {
    long from = Math.max(webhook.position(), looked.getOrDefault(webhook.id(), 0L));
    if (from >= last) {
      return false;
    }
    long room = config.queued() - store.webhooks().pending(webhook.id());
    int limit = (int) Math.min(PAGE, room);
    if (limit <= 0) {
      return false;
    }
    EventPage page = page(webhook, from, limit);
    List<EventRecord> wanted = page.events().stream().filter(webhook::wants).toList();
    if (!wanted.isEmpty() || page.position() - webhook.position() >= FAR) {
      boolean ours = store.deliveries().enqueue(webhook, wanted, page.position(), clock.instant());
      if (!ours) {
        return true; // another daemon was faster; its position comes with the next look
      }
    }
    looked.put(webhook.id(), page.position());
    return page.events().size() == limit;
  }

  private EventPage page(WebhookRecord webhook, long from, int limit) {
    try {
      return store.events().after(from, webhook.eventsOf(), limit);
    } catch (PodflareException e) {
      if (e.code() != ErrorCode.EVENTS_GONE) {
        throw e;
      }
      long oldest = store.events().forgotten();
      LOG.warn("webhook {}: {}; it goes on after {}", webhook.id(), e.sentence(), oldest);
      return new EventPage(List.of(), oldest);
    }
  }
}
