package dev.podflare.image;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Keeps what it hears. Thread-safe. */
final class RecordingProgress implements Progress {
  final List<String> steps = new CopyOnWriteArrayList<>();
  final List<String> finished = new CopyOnWriteArrayList<>();
  final List<Duration> waits = new CopyOnWriteArrayList<>();

  @Override
  public void started(Step step) {
    steps.add(step.number() + "/" + step.count() + " " + step.name());
  }

  @Override
  public void finished(Step step, Duration elapsed) {
    finished.add(step.name());
  }

  @Override
  public void waiting(String template, Duration elapsed) {
    waits.add(elapsed);
  }
}
