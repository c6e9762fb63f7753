package dev.podflare.server;

import dev.podflare.engine.ExecutionView;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/** Executions as the wire shows them. */
final class ExecAnswers {
  private ExecAnswers() {}

  static Json.Entries record(ExecutionView execution) {
    OptionalInt exitCode = execution.exitCode();
    return Json.object()
        .put("id", execution.id())
        .put("language", lower(execution.language()))
        .put("framing", lower(execution.framing()))
        .put("state", lower(execution.state()))
        .put("created_at", execution.createdAt())
        .put("started_at", execution.startedAt().map(Object::toString))
        .put("ended_at", execution.endedAt().map(Object::toString))
        .put("exit_code", exitCode.isPresent() ? exitCode.getAsInt() : null)
        .put("reason", execution.reason().map(ExecAnswers::lower));
  }

  /** Answer to a call in the background. */
  static Json.Entries started(ExecutionView execution) {
    Json.Entries entries = Json.object().put("exec_id", execution.id());
    record(execution).map().forEach(entries::put);
    return entries;
  }

  static String lower(Enum<?> word) {
    return word.name().toLowerCase(Locale.ROOT);
  }

  static Optional<Integer> boxed(OptionalInt value) {
    return value.isPresent() ? Optional.of(value.getAsInt()) : Optional.empty();
  }
}
