package dev.podflare.cli;

import java.io.PrintWriter;
import java.time.Duration;

/** Shows the steps of a long job, a line each: begun without, done with its time. Thread-safe. */
final class StepPrinter {
  private final PrintWriter out;
  private final boolean overwrite;
  private long lastWait = -1;

  /** {@code overwrite}: the reader is a terminal, so a finished step replaces its begin. */
  StepPrinter(PrintWriter out, boolean overwrite) {
    this.out = out;
    this.overwrite = overwrite;
  }

  static StepPrinter on(PrintWriter out) {
    return new StepPrinter(out, Interaction.onTerminal());
  }

  synchronized void started(String job, String step, int number, int count) {
    out.print("  " + head(job, step, number, count) + " …" + (overwrite ? "" : "\n"));
    out.flush();
  }

  synchronized void finished(String job, String step, int number, int count, Duration elapsed) {
    out.println(
        (overwrite ? "\r" : "")
            + "  "
            + head(job, step, number, count)
            + "  "
            + Durations.text(elapsed.toNanos() / 1e6));
    out.flush();
  }

  /** Somebody else does the same job; said at first and then every half minute. */
  synchronized void waiting(String job, Duration elapsed) {
    long halfMinutes = elapsed.toSeconds() / 30;
    if (halfMinutes != lastWait) {
      lastWait = halfMinutes;
      out.println("  " + job + ": waiting for another build, " + elapsed.toSeconds() + " s");
      out.flush();
    }
  }

  private static String head(String job, String step, int number, int count) {
    return job + " " + number + "/" + count + " " + step;
  }
}
