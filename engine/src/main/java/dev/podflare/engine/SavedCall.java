package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.guest.GuestExec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A call that ran when its machine was frozen, as it is written down with the checkpoint.
 *
 * @param execution id to its callers
 * @param guestId number in the guest
 * @param window bytes of output that the guest may be ahead
 * @param ranMillis how long it had run
 * @param leftMillis what it had left of its time
 * @param context in which it runs, if it does
 * @param process what it is, if it is a process; absent in what earlier versions wrote
 */
record SavedCall(
    String execution,
    @JsonProperty("guest_id") long guestId,
    int window,
    @JsonProperty("takes_input") boolean takesInput,
    ExecRequest.Language language,
    ExecRequest.Framing framing,
    @JsonProperty("ran_ms") long ranMillis,
    @JsonProperty("left_ms") long leftMillis,
    @Nullable String context,
    @Nullable ProcessState process) {

  /** Those that have a caller. */
  static List<SavedCall> of(
      List<GuestExec> running, Map<Long, ProcessState> processes, Instant now) {
    List<SavedCall> calls = new ArrayList<>();
    for (GuestExec exec : running) {
      ProcessState process = processes.get(exec.id());
      CarriedCall.originOf(exec)
          .ifPresent(origin -> calls.add(of(exec, origin.get(), process, now)));
    }
    return calls;
  }

  private static SavedCall of(
      GuestExec exec, CallOrigin origin, @Nullable ProcessState process, Instant now) {
    return new SavedCall(
        origin.executionId(),
        exec.id(),
        exec.window(),
        exec.takesInput(),
        origin.request().language(),
        origin.request().framing(),
        Duration.between(origin.startedAt(), now).toMillis(),
        Duration.between(now, origin.deadline()).toMillis(),
        origin.request().context().orElse(null),
        process);
  }

  /** The call, if it goes on now. */
  CallOrigin origin(Instant now) {
    ExecRequest request =
        ExecRequest.copied(language, framing, context, process).carried(takesInput);
    return new CallOrigin(
        execution,
        request,
        now.minusMillis(ranMillis),
        now.plusMillis(leftMillis),
        Optional.empty());
  }
}
