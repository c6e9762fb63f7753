package dev.podflare.engine;

import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A process that was started, as it was when it was looked at.
 *
 * @param pid in the guest; also once it has ended
 * @param exitCode the program's own, or 128 and the number of the signal that ended it
 * @param reason why it ended
 * @param stdinOpen whether it can be written to
 * @param firstSequence number of the oldest event of its log that is kept
 * @param nextSequence number of the event that comes next
 */
public record ProcessView(
    String id,
    int pid,
    Optional<String> name,
    String command,
    boolean running,
    Instant startedAt,
    Optional<Instant> endedAt,
    OptionalInt exitCode,
    Optional<ExecEvent.Reason> reason,
    boolean stdinOpen,
    boolean keepsAwake,
    long firstSequence,
    long nextSequence) {}
