package dev.podflare.client;

import dev.podflare.client.FannedOut.Winner;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Takes the lines of a fan-out and gathers what each child said. One thread, used once. */
final class FanOutReader {
  private final FanOutListener listener;
  private final int maxOutputBytes;
  private final Function<String, Sandbox> handles;
  private final List<EventReader> readers = new ArrayList<>();
  private final List<Optional<RunResult>> results = new ArrayList<>();
  private @Nullable Forked forked;
  private @Nullable FannedOut result;

  FanOutReader(FanOutListener listener, int maxOutputBytes, Function<String, Sandbox> handles) {
    this.listener = listener;
    this.maxOutputBytes = maxOutputBytes;
    this.handles = handles;
  }

  FannedOut result() {
    if (result == null) {
      throw LineReader.bad("no end of the fan-out");
    }
    return result;
  }

  boolean take(JsonNode line) {
    switch (line.path("type").asString("")) {
      case "forked" -> begin(line);
      case "done" -> end(line);
      case "error" ->
          throw new ApiException(
              200,
              line.path("code").asString("internal"),
              line.path("error").asString("the fan-out failed"),
              Map.of(),
              null,
              null,
              null);
      default -> event(line);
    }
    return result != null;
  }

  private void begin(JsonNode line) {
    Map<String, Double> timings = new TreeMap<>();
    line.path("timings_ms")
        .properties()
        .forEach(entry -> timings.put(entry.getKey(), entry.getValue().asDouble()));
    Forked begun =
        new Forked(
            texts(line.path("children")).stream().map(handles).toList(),
            texts(line.path("reseeded")),
            timings,
            line.path("parent_paused_ms").asDouble(0));
    forked = begun;
    listener.forked(begun);
    for (int child = 0; child < begun.children().size(); child++) {
      readers.add(new EventReader(listener.of(child), maxOutputBytes, ""));
      results.add(Optional.empty());
    }
  }

  private void event(JsonNode line) {
    int child = line.path("index").asInt(-1);
    if (child < 0) {
      return; // of a newer server
    }
    if (child >= readers.size()) {
      throw LineReader.bad("an event of a child that there is not: " + child);
    }
    Optional<RunResult> ended = readers.get(child).take(line);
    if (ended.isPresent()) {
      results.set(child, ended);
      listener.ended(child, ended.get());
    }
  }

  private void end(JsonNode line) {
    if (forked == null) {
      throw LineReader.bad("the end of a fan-out before its beginning");
    }
    result =
        new FannedOut(
            forked,
            results,
            winner(line.path("winner")),
            texts(line.path("children")).stream().map(handles).toList());
  }

  private static Optional<Winner> winner(JsonNode node) {
    if (!node.isObject()) {
      return Optional.empty();
    }
    JsonNode value = node.path("value");
    return Optional.of(
        new Winner(
            node.path("index").asInt(),
            node.path("sandbox_id").asString(""),
            value.isNumber() ? OptionalDouble.of(value.asDouble()) : OptionalDouble.empty()));
  }

  private static List<String> texts(JsonNode list) {
    List<String> texts = new ArrayList<>();
    list.forEach(each -> texts.add(each.asString("")));
    return texts;
  }
}
