package dev.podflare.server;

import dev.podflare.store.Events;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** The stream of lifecycle events. Thread-safe. */
final class EventRoutes {
  private static final String LAST_EVENT_ID = "Last-Event-ID";

  private final Events events;
  private final LifecycleStreams streams;

  EventRoutes(Events events, LifecycleStreams streams) {
    this.events = events;
    this.streams = streams;
  }

  List<Route> routes() {
    return List.of(new Route("GET", "/v1/events", Scope.READ, this::follow));
  }

  private void follow(Exchange exchange) throws IOException {
    Optional<String> keyId =
        exchange.caller().admin() ? Optional.empty() : Optional.of(exchange.caller().keyId());
    boolean follow =
        switch (exchange.query("follow").orElse("true")) {
          case "true" -> true;
          case "false" -> false;
          default -> throw Fields.invalid("follow", "true or false");
        };
    streams.send(exchange, new LifecycleStreams.Wish(after(exchange), keyId, follow));
  }

  /** Who comes again says in the header how far he got; his address is still that of the start. */
  private long after(Exchange exchange) {
    Optional<String> header = exchange.header(LAST_EVENT_ID).filter(it -> !it.isBlank());
    if (header.isPresent()) {
      return number(LAST_EVENT_ID, header.get().strip());
    }
    Optional<String> query = exchange.query("after");
    if (query.isEmpty()) {
      return events.last();
    }
    long after = number("after", query.get());
    return after == 0 ? events.forgotten() : after;
  }

  private static long number(String name, String text) {
    if (!text.matches("\\d{1,18}")) {
      throw Fields.invalid(name, "the id of an event, or 0");
    }
    return Long.parseLong(text);
  }
}
