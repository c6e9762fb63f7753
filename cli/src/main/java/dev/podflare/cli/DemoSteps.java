package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.common.PodflareException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Times the steps of a demo and keeps what each one showed. One thread. */
final class DemoSteps {
  private static final int SEEN_LENGTH = 60;

  /** A step that was tried; {@code seen}: what it showed, on one short line. */
  record Done(String step, double millis, boolean right, String seen) {}

  /** A step went wrong; what follows it makes no sense. */
  static final class Wrong extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Wrong(String message) {
      super(message);
    }
  }

  private final PrintWriter progress;
  private final List<Done> done = new ArrayList<>();

  DemoSteps(PrintWriter progress) {
    this.progress = progress;
  }

  /** Does a step that returns what is to be seen; throws {@link Wrong} if it fails. */
  void run(String step, Supplier<String> action) {
    timed(step, action, seen -> seen);
  }

  /** Does a step whose outcome later steps need. */
  <T> T start(String step, Supplier<T> action) {
    return timed(step, action, _ -> "");
  }

  private <T> T timed(
      String step, Supplier<T> action, java.util.function.Function<T, String> show) {
    progress.println(step + " …");
    progress.flush();
    long began = System.nanoTime();
    try {
      T outcome = action.get();
      add(step, began, true, show.apply(outcome));
      return outcome;
    } catch (Wrong wrong) {
      add(step, began, false, String.valueOf(wrong.getMessage()));
      throw wrong;
    } catch (ApiException | PodflareException failure) {
      add(step, began, false, Failures.text(failure));
      throw new Wrong(step + ": " + Failures.text(failure));
    }
  }

  private void add(String step, long began, boolean right, String seen) {
    String line = seen.strip().replaceAll("\\s+", " ");
    String brief = line.length() > SEEN_LENGTH ? line.substring(0, SEEN_LENGTH - 1) + "…" : line;
    done.add(new Done(step, (System.nanoTime() - began) / 1e6, right, brief));
  }

  List<Done> done() {
    return List.copyOf(done);
  }

  boolean allRight() {
    return !done.isEmpty() && done.stream().allMatch(Done::right);
  }

  /** What a check found; for use within a step. */
  static void check(boolean right, String expected, Object found) {
    if (!right) {
      throw new Wrong("expected " + expected + ", found " + found);
    }
  }
}
