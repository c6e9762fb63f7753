package dev.podflare.engine;

import java.util.List;
import java.util.Optional;

/**
 * What a caller asks of a fan-out: a fork, and code in each child.
 *
 * @param calls one for each child, in order
 * @param pick which child goes on under the parent's id; empty: none, and all children live on
 * @param reseed as in {@link ForkRequest}
 */
public record FanOutRequest(List<ExecRequest> calls, Optional<Pick> pick, boolean reseed) {

  /** How a winner is found; only a call with exit code 0 can win. The first of equals wins. */
  public enum Pick {
    /** The first call that succeeds; the others are not waited for. */
    FIRST_SUCCESS,
    /** The smallest of the numbers that the calls print last. */
    MIN,
    /** The largest of these. */
    MAX
  }

  public FanOutRequest {
    calls = List.copyOf(calls);
  }
}
