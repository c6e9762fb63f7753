package dev.podflare.guest;

import java.util.Locale;
import java.util.Optional;

/** Why an execution ended, as the guest saw it. */
public enum DoneReason {
  EXITED,
  /** The interpreter died of the code that it ran; its state is lost. */
  CRASHED,
  OUT_OF_MEMORY,
  /** Ended by a signal, the host's or another. */
  KILLED;

  static Optional<DoneReason> parse(String text) {
    for (DoneReason reason : values()) {
      if (reason.name().toLowerCase(Locale.ROOT).equals(text)) {
        return Optional.of(reason);
      }
    }
    return Optional.empty();
  }
}
