package dev.podflare.client;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * How a fan-out went.
 *
 * @param results of the children's calls, in order; empty for a call that was not waited for
 * @param winner the child whose state the sandbox has now
 * @param children that live on
 */
public record FannedOut(
    Forked forked,
    List<Optional<RunResult>> results,
    Optional<Winner> winner,
    List<Sandbox> children) {

  /**
   * The child that goes on as the sandbox.
   *
   * @param sandboxId that it had
   * @param value that it printed last, if a number decided
   */
  public record Winner(int child, String sandboxId, OptionalDouble value) {}

  public FannedOut {
    results = List.copyOf(results);
    children = List.copyOf(children);
  }
}
