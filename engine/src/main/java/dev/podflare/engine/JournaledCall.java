package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

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
    byte[] stderr) {

  /** The same with so much more time. */
  JournaledCall later(Duration time) {
    return new JournaledCall(
        execution,
        guestId,
        window,
        takesInput,
        keepsInput,
        language,
        framing,
        started,
        deadline + time.toMillis(),
        sequence,
        stdout,
        stderr);
  }

  CallOrigin origin() {
    return new CallOrigin(
        execution,
        ExecRequest.of(language, "", framing).carried(keepsInput),
        Instant.ofEpochMilli(started),
        Instant.ofEpochMilli(deadline),
        Optional.empty());
  }
}
