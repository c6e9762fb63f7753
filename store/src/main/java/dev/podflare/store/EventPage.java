package dev.podflare.store;

import java.util.List;

/**
 * Events in their order.
 *
 * @param position id after which the next page begins: of the last event that was looked at,
 *     whether or not it is in this page
 */
public record EventPage(List<EventRecord> events, long position) {
  public EventPage {
    events = List.copyOf(events);
  }
}
