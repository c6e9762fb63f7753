package dev.podflare.common;

import java.util.Optional;
import java.util.function.Supplier;

/** Things that are made when they are first asked for. */
public final class Lazily {
  private Lazily() {}

  /**
   * Made once, by the first who asks; others wait for it. A failure is not remembered: the next who
   * asks tries again. Thread-safe.
   */
  public static <T> Supplier<T> once(Supplier<T> maker) {
    return new Supplier<>() {
      private Optional<T> made = Optional.empty();

      @Override
      public synchronized T get() {
        if (made.isEmpty()) {
          made = Optional.of(maker.get());
        }
        return made.get();
      }
    };
  }
}
