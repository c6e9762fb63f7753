package dev.podflare.client;

/** Hears of a fan-out as it goes. Called on the thread that runs the call, one event at a time. */
public interface FanOutListener {
  /** Nobody. */
  FanOutListener NONE = new FanOutListener() {};

  /** The children run. */
  default void forked(Forked forked) {}

  /** Who hears of a child's call; asked once for each child, whose places count from 0. */
  default RunListener of(int child) {
    return new RunListener() {};
  }

  /** A child's call has ended. */
  default void ended(int child, RunResult result) {}
}
