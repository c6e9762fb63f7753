package dev.podflare.engine;

import dev.podflare.guest.GuestExec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A process at one instant, as it is copied by a fork, saved with a checkpoint, and written down
 * for the next daemon; beside what is written of every call.
 *
 * @param pid in the guest; 0: it is about to start
 * @param next number of the event that comes next
 * @param stdout bytes that are part of no event yet
 * @param stderr likewise
 * @param recent the events that came last before that
 */
@SuppressWarnings("ArrayRecordComponent") // written and read, never compared
record ProcessState(
    String command,
    @Nullable String name,
    boolean awake,
    int pid,
    long next,
    byte[] stdout,
    byte[] stderr,
    List<Said> recent) {
  /** Output that goes along, in bytes: of one process, or less of each of many. */
  private static final int MOST_RECENT = 32 << 10;

  private static final int MOST_OF_ALL = 512 << 10;

  /** An event of output. */
  @SuppressWarnings("ArrayRecordComponent") // likewise
  record Said(long ts, ExecEvent.Stream stream, byte[] bytes) {}

  ProcessState {
    recent = List.copyOf(recent);
    if (recent.size() > next) {
      throw new IllegalArgumentException("output of a process begins before its first event");
    }
  }

  ProcessSpec spec() {
    return new ProcessSpec(List.of(), command, Optional.ofNullable(name), awake);
  }

  /** The same before anything was heard of it. */
  ProcessState unheard() {
    return new ProcessState(command, name, awake, 0, 0, new byte[0], new byte[0], List.of());
  }

  /**
   * Those of a guest's running calls that are processes, by number, while its channel is silent.
   */
  static Map<Long, ProcessState> of(List<GuestExec> running) {
    return of(running, MOST_RECENT, MOST_OF_ALL);
  }

  /** The same with less output, for what is written down often. */
  static Map<Long, ProcessState> ofMany(List<GuestExec> running) {
    return of(running, MOST_RECENT / 8, MOST_OF_ALL / 8);
  }

  private static Map<Long, ProcessState> of(List<GuestExec> running, int most, int all) {
    Map<Long, LocalExecution> processes = new HashMap<>();
    for (GuestExec exec : running) {
      CarriedCall.heardBy(exec)
          .filter(LocalExecution::isProcess)
          .ifPresent(process -> processes.put(exec.id(), process));
    }
    int share = Math.min(most, TerminalState.share(all, processes.size()));
    Map<Long, ProcessState> states = new HashMap<>();
    processes.forEach(
        (id, process) -> process.processState(share).ifPresent(state -> states.put(id, state)));
    return states;
  }
}
