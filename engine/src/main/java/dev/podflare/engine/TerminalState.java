package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.guest.GuestExec;
import java.util.ArrayList;
import java.util.List;

/**
 * A terminal at one instant, as it is copied by a fork, saved with a checkpoint, and written down
 * for the next daemon.
 *
 * @param terminal id to its callers
 * @param guestId number in the guest
 * @param window bytes of output that the guest may be ahead
 * @param label the command, for people
 * @param created milliseconds since 1970
 * @param opened whether the guest has said that its program runs
 * @param next number of the byte of output that comes next
 * @param recent what came last before that
 */
@SuppressWarnings("ArrayRecordComponent") // written and read, never compared
record TerminalState(
    String terminal,
    @JsonProperty("guest_id") long guestId,
    int window,
    String label,
    long created,
    int cols,
    int rows,
    boolean opened,
    long next,
    byte[] recent) {
  /** Output that goes along, in bytes: a full screen of one terminal, or less of each of many. */
  private static final int MOST_RECENT = 32 << 10;

  private static final int MOST_OF_ALL = 512 << 10;

  TerminalState {
    if (next < 0 || recent.length > next) {
      throw new IllegalArgumentException("output of " + terminal + " begins before its first byte");
    }
  }

  /** Those of a guest's running calls that are terminals, while its channel is silent. */
  static List<TerminalState> of(List<GuestExec> running) {
    return of(running, MOST_RECENT, MOST_OF_ALL);
  }

  /** The same with less output, for what is written down often. */
  static List<TerminalState> ofMany(List<GuestExec> running) {
    return of(running, MOST_RECENT / 8, MOST_OF_ALL / 8);
  }

  private static List<TerminalState> of(List<GuestExec> running, int most, int all) {
    List<GuestExec> terminals =
        running.stream().filter(exec -> exec.listener() instanceof LocalTerminal).toList();
    int share = share(all, terminals.size());
    List<TerminalState> states = new ArrayList<>();
    for (GuestExec exec : terminals) {
      if (exec.listener() instanceof LocalTerminal terminal && terminal.isOpened()) {
        states.add(terminal.state(Math.min(most, share)));
      }
    }
    return states;
  }

  static int share(int all, int count) {
    return all / Math.max(1, count);
  }
}
