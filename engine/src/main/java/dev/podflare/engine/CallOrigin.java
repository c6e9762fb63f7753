package dev.podflare.engine;

import java.time.Instant;
import java.util.Optional;

/**
 * What the copy of a running call needs of the call that it is a copy of.
 *
 * @param executionId of the original
 * @param request what it was asked for; code and input need not be in it
 * @param startedAt when it started to run
 * @param deadline when its time is over
 * @param wantedEnd why it is to end, if somebody wanted that
 */
record CallOrigin(
    String executionId,
    ExecRequest request,
    Instant startedAt,
    Instant deadline,
    Optional<ExecEvent.Reason> wantedEnd) {}
