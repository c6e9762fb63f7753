package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Optional;

/**
 * A started process as the server saw it.
 *
 * @param pid in the guest
 * @param command program and arguments, for people
 * @param state {@code running} or {@code ended}
 * @param exitCode the program's own, or 128 and the number of the signal that ended it
 * @param reason why it ended: {@code exited}, {@code cancelled}, {@code timeout}, {@code
 *     out_of_memory}, {@code sandbox_closed}
 * @param firstSeq number of the oldest event of its log that is kept
 * @param nextSeq number of the event that comes next
 */
public record ProcessInfo(
    String processId,
    Optional<String> name,
    int pid,
    String command,
    String state,
    Instant startedAt,
    Optional<Instant> endedAt,
    Optional<Integer> exitCode,
    Optional<String> reason,
    boolean stdinOpen,
    boolean keepsAwake,
    long firstSeq,
    long nextSeq) {
  public ProcessInfo {
    requireNonNull(processId, "process_id");
    requireNonNull(state, "state");
  }

  public boolean isRunning() {
    return state.equals("running");
  }
}
