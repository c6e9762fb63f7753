package dev.podflare.image;

import java.time.Duration;

/** Hears how a build gets on; called by the building thread, so it must be quick. */
public interface Progress {
  /** A step begins. */
  void started(Step step);

  /** A step is done. */
  void finished(Step step, Duration elapsed);

  /** Called about every second while another build of the same template is waited for. */
  void waiting(String template, Duration elapsed);

  /**
   * One step of a build.
   *
   * @param template name of the template
   * @param name what is done, for example {@code install packages}
   * @param number from 1 to {@code count}
   */
  record Step(String template, String name, int number, int count) {}

  /** For callers who do not want to know. */
  static Progress none() {
    return new Progress() {
      @Override
      public void started(Step step) {}

      @Override
      public void finished(Step step, Duration elapsed) {}

      @Override
      public void waiting(String template, Duration elapsed) {}
    };
  }
}
