package dev.podflare.server;

import dev.podflare.engine.GuestListing;
import dev.podflare.engine.LogMatch;
import dev.podflare.engine.PortFound;
import dev.podflare.engine.ProcessView;

/** Processes as the wire shows them. */
final class ProcessAnswers {
  private ProcessAnswers() {}

  static Json.Entries record(ProcessView process) {
    return Json.object()
        .put("process_id", process.id())
        .put("name", process.name())
        .put("pid", process.pid())
        .put("command", Text.writable(process.command()))
        .put("state", process.running() ? "running" : "ended")
        .put("started_at", process.startedAt())
        .put("ended_at", process.endedAt().map(Object::toString))
        .put("exit_code", process.exitCode().isPresent() ? process.exitCode().getAsInt() : null)
        .put("reason", process.reason().map(ExecAnswers::lower))
        .put("stdin_open", process.stdinOpen())
        .put("keeps_awake", process.keepsAwake())
        .put("first_seq", process.firstSequence())
        .put("next_seq", process.nextSequence());
  }

  static Json.Entries ofGuest(GuestListing.Entry process) {
    return Json.object()
        .put("pid", process.pid())
        .put("ppid", process.ppid())
        .put("uid", process.uid())
        .put("state", Text.writable(process.state()))
        .put("cpu_ms", process.cpu().toMillis())
        .put("resident_bytes", process.residentBytes())
        .put("command", Text.writable(process.command()))
        .put("process_id", process.id());
  }

  static Json.Entries found(PortFound found) {
    return Json.object()
        .put("port", found.port())
        .put("addresses", found.addresses())
        .put("reachable", found.reachable());
  }

  static Json.Entries match(LogMatch match) {
    return Json.object()
        .put("seq", match.sequence())
        .put("stream", ExecAnswers.lower(match.stream()))
        .put("line", Text.writable(match.line()))
        .put("groups", match.groups().stream().map(Text::writable).toList());
  }
}
