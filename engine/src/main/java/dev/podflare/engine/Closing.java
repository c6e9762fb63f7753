package dev.podflare.engine;

import org.jspecify.annotations.Nullable;

/** Goes through all steps of a close, whatever fails, and tells the first failure at the end. */
final class Closing {
  private @Nullable RuntimeException first;

  void step(Runnable body) {
    try {
      body.run();
    } catch (RuntimeException e) {
      if (first == null) {
        first = e;
      } else {
        first.addSuppressed(e);
      }
    }
  }

  void finish() {
    if (first != null) {
      throw first;
    }
  }
}
