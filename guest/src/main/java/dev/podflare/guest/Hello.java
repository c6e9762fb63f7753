package dev.podflare.guest;

import java.util.List;

/**
 * The guest's greeting, at boot (epoch 0) and after each renewal.
 *
 * @param timeNanos the guest's clock, nanoseconds since the epoch
 * @param agent version of the agent
 * @param python version of the user's interpreter
 * @param running ids of executions that a checkpoint carried over
 * @param failed steps of the renewal that failed, other than those that make it fail as a whole
 */
public record Hello(
    long epoch,
    long timeNanos,
    String agent,
    String python,
    List<Long> running,
    List<String> failed) {
  public Hello {
    running = List.copyOf(running);
    failed = List.copyOf(failed);
  }
}
