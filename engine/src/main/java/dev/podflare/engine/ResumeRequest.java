package dev.podflare.engine;

import dev.podflare.network.EgressPolicy;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a caller asks of a sandbox that is made of a Space or a snapshot; empty fields are as they
 * were when it was saved.
 *
 * @param timeout new lifetime, counted from now; empty: as long as it was given first
 * @param undo how many of its last calls it can take back
 * @param keep leaves the Space, to be resumed again; snapshots always stay
 */
public record ResumeRequest(
    Optional<Duration> timeout,
    Optional<Duration> idleTimeout,
    Optional<Boolean> persistent,
    Optional<Boolean> autoResume,
    OptionalInt undo,
    Optional<EgressPolicy> network,
    Optional<Map<String, String>> metadata,
    boolean keep) {

  /** Everything as it was. */
  public static ResumeRequest asItWas() {
    return new ResumeRequest(
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        OptionalInt.empty(),
        Optional.empty(),
        Optional.empty(),
        false);
  }
}
