package dev.podflare.engine;

import java.time.Duration;

/**
 * A process that was started in a sandbox, running or ended. Signals and input wake a sandbox that
 * stands still, if it was made so; looking and waiting do not. Thread-safe.
 */
public interface SandboxProcess {
  /** Longest time that one call waits. */
  Duration LONGEST_WAIT = Duration.ofMinutes(10);

  String id();

  ProcessView view();

  /**
   * Sends exactly this signal. {@code PROCESS_ENDED} if it has ended.
   *
   * @param number 1 to 64
   * @param group to all of its process group, not to its first process alone
   */
  void signal(int number, boolean group);

  /**
   * Waits until it has ended or {@code patience} is over; it goes on waiting if the sandbox gets
   * another machine, in which the process goes on.
   */
  ProcessView await(Duration patience) throws InterruptedException;

  /** Writes to its standard input; {@code STDIN_CLOSED} when it has none. */
  void writeStdin(byte[] bytes, boolean endOfFile);

  /**
   * What it says, from a sequence number on. A reader that is slower than the process holds nothing
   * back, and is told by {@link ExecEvent.Skipped} what it has missed.
   */
  ExecStream log(long fromSequence);

  /**
   * Waits for a line that it says, or has said. {@code PROCESS_ENDED} if it ends without, {@code
   * TIMED_OUT}.
   */
  LogMatch awaitLine(LogWish wish) throws InterruptedException;

  /** Asks it to end by SIGTERM; after 5 seconds kills all of its session. Returns at once. */
  void end();
}
