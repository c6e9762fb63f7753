package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A call that runs, as it is written down for the next daemon.
 *
 * @param execution id to its callers
 * @param guestId number in the guest
 * @param window bytes of output that the guest may be ahead
 * @param takesInput whether its standard input was open
 * @param keepsInput whether its caller was to write to it
 * @param started milliseconds since 1970
 * @param deadline likewise
 * @param sequence of the event that comes next
 * @param stdout bytes that are part of no event yet
 * @param stderr likewise
 * @param wanted why it is to end, if somebody wants that
 * @param context in which it runs, if it does
 * @param process what it is, if it is a process; absent in what earlier versions wrote
 */
@SuppressWarnings("ArrayRecordComponent") // written and read, never compared
record JournaledCall(
    String execution,
    @JsonProperty("guest_id") long guestId,
    int window,
    @JsonProperty("takes_input") boolean takesInput,
    @JsonProperty("keeps_input") boolean keepsInput,
    ExecRequest.Language language,
    ExecRequest.Framing framing,
    long started,
    long deadline,
    long sequence,
    byte[] stdout,
    byte[] stderr,
    ExecEvent.@Nullable Reason wanted,
    @Nullable String context,
    @Nullable ProcessState process) {

  /** The same with so much more time. */
  JournaledCall later(Duration time) {
    return with(deadline + time.toMillis(), wanted);
  }

  /** The same, but somebody wants its end. */
  JournaledCall ending(ExecEvent.Reason why) {
    return with(deadline, why);
  }

  private JournaledCall with(long newDeadline, ExecEvent.@Nullable Reason newWanted) {
    return new JournaledCall(
        execution,
        guestId,
        window,
        takesInput,
        keepsInput,
        language,
        framing,
        started,
        newDeadline,
        sequence,
        stdout,
        stderr,
        newWanted,
        context,
        process);
  }

  CallOrigin origin() {
    return new CallOrigin(
        execution,
        ExecRequest.copied(language, framing, context, process).carried(keepsInput),
        Instant.ofEpochMilli(started),
        Instant.ofEpochMilli(deadline),
        Optional.ofNullable(wanted));
  }
}
