package dev.podflare.cli;

import dev.podflare.client.EventStream;
import dev.podflare.client.EventsFrom;
import dev.podflare.client.LifecycleEvent;
import dev.podflare.client.Podflare;
import java.io.PrintWriter;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** Shows what happened to sandboxes, and what happens. */
@Command(
    name = "events",
    description = "Print what happened to sandboxes and snapshots in the last days.")
final class EventsCommand implements Runnable {
  /** Said by the line's other columns already, or of no use there. */
  private static final Set<String> KNOWN = Set.of("sandbox_id", "key_id");

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Option(
      names = "--follow",
      description = "Print what happens from now on, until interrupted; with --after also what was")
  private boolean follow;

  @Option(
      names = "--after",
      paramLabel = "ID",
      description = "Begin after this event; 0: with the oldest that is kept")
  private @Nullable Long after;

  @Option(names = "--json", description = "Print one JSON object a line")
  private boolean json;

  @Override
  public void run() {
    try (Podflare podflare = server.connect();
        EventStream events = podflare.events(from())) {
      PrintWriter out = spec.commandLine().getOut();
      Optional<LifecycleEvent> event = events.next();
      while (event.isPresent() && !out.checkError()) { // which also flushes
        out.println(json ? json(event.get()) : line(event.get()));
        out.flush();
        event = events.next();
      }
    }
  }

  private EventsFrom from() {
    if (after == null) {
      return follow ? EventsFrom.now() : EventsFrom.oldest().untilNow();
    }
    EventsFrom from = EventsFrom.after(after);
    return follow ? from : from.untilNow();
  }

  private static String json(LifecycleEvent event) {
    return JsonMapper.shared()
        .writeValueAsString(
            new Line(event.id(), event.type(), event.timestamp().toString(), event.data()));
  }

  private record Line(long id, String type, String timestamp, Map<String, Object> data) {}

  private static String line(LifecycleEvent event) {
    String more =
        event.data().entrySet().stream()
            .filter(it -> !KNOWN.contains(it.getKey()))
            .map(it -> it.getKey() + "=" + it.getValue())
            .collect(Collectors.joining(" "));
    return PlainText.line(
            String.format(
                "%-8d %s  %-19s %s  %s",
                event.id(), event.timestamp(), event.type(), event.sandboxId(), more))
        .stripTrailing();
  }
}
