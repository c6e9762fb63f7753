package dev.podflare.image;

import java.time.Duration;

/** Counts the steps of a build and tells of each. One thread. */
final class Steps {
  private final String template;
  private final Progress progress;
  private final int count;
  private int number;

  Steps(String template, Progress progress, int count) {
    this.template = template;
    this.progress = progress;
    this.count = count;
  }

  void run(String name, Runnable body) {
    Progress.Step step = new Progress.Step(template, name, ++number, count);
    long begin = System.nanoTime();
    progress.started(step);
    body.run();
    progress.finished(step, Duration.ofNanos(System.nanoTime() - begin));
  }
}
