package dev.podflare.engine;

import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;

/** An execution as it was when it was looked at. */
public record ExecutionView(
    String id,
    ExecRequest.Language language,
    ExecRequest.Framing framing,
    State state,
    Instant createdAt,
    Optional<Instant> startedAt,
    Optional<Instant> endedAt,
    OptionalInt exitCode,
    Optional<ExecEvent.Reason> reason) {

  public enum State {
    QUEUED,
    RUNNING,
    ENDED
  }
}
