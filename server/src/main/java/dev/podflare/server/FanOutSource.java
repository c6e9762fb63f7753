package dev.podflare.server;

import dev.podflare.common.PodflareException;
import dev.podflare.engine.FanOut;
import dev.podflare.engine.FanOutEvent;
import dev.podflare.engine.FanOutEvent.Winner;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * A fan-out as lines: {@code forked}, then the labelled events of all calls, then {@code done}, or
 * {@code error} if its end cannot be reached. One thread.
 */
final class FanOutSource implements EventStream.Source {
  private final FanOut fanOut;
  private boolean begun;
  private boolean failed;

  FanOutSource(FanOut fanOut) {
    this.fanOut = fanOut;
  }

  @Override
  public boolean ended() {
    return failed || fanOut.ended();
  }

  @Override
  public boolean writeNext(EventWriter writer, Duration wait) throws InterruptedException {
    if (!begun) {
      begun = true;
      Json.Entries forked = Json.object().put("type", "forked");
      FamilyRoutes.answer(fanOut.forked()).map().forEach(forked::put);
      writer.write(forked);
      return true;
    }
    try {
      Optional<FanOutEvent> event = fanOut.next(wait);
      event.ifPresent(it -> write(writer, it));
      return event.isPresent();
    } catch (PodflareException e) {
      failed = true;
      writer.write(
          Json.object()
              .put("type", "error")
              .put("error", Text.writable(e.sentence()))
              .put("code", e.code().wireName()));
      return true;
    }
  }

  private void write(EventWriter writer, FanOutEvent event) {
    switch (event) {
      case FanOutEvent.Said said -> {
        Map<String, Object> labels =
            Map.of(
                "exec_id", said.executionId(),
                "sandbox_id", said.sandboxId(),
                "index", said.child());
        writer.write(said.event(), said.framing(), labels);
      }
      case FanOutEvent.Done done ->
          writer.write(
              Json.object()
                  .put("type", "done")
                  .put("winner", done.winner().map(FanOutSource::winner))
                  .put("children", done.children()));
    }
  }

  private static Map<String, @Nullable Object> winner(Winner winner) {
    OptionalDouble value = winner.value();
    return Json.object()
        .put("index", winner.child())
        .put("sandbox_id", winner.sandboxId())
        .put("value", value.isPresent() ? value.getAsDouble() : null)
        .map();
  }

  @Override
  public void close() {
    fanOut.close();
  }
}
