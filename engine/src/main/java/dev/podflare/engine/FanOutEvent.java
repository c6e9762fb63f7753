package dev.podflare.engine;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** What a fan-out reports: any number of {@link Said}, then one {@link Done}. */
public sealed interface FanOutEvent {

  /**
   * An event of a child's call.
   *
   * @param child place of the child, from 0
   */
  record Said(
      int child, String sandboxId, String executionId, ExecRequest.Framing framing, ExecEvent event)
      implements FanOutEvent {}

  /**
   * The end.
   *
   * @param winner whose machine goes on under the parent's id
   * @param children that live on
   */
  record Done(Optional<Winner> winner, List<String> children) implements FanOutEvent {
    public Done {
      children = List.copyOf(children);
    }
  }

  /**
   * The child that goes on.
   *
   * @param sandboxId that it had
   * @param value that it printed last, if a number decided
   */
  record Winner(int child, String sandboxId, OptionalDouble value) {}
}
