package dev.podflare.engine;

import java.util.Locale;

/** Why a sandbox was closed; its id answers with it for a day. */
enum CloseReason {
  TIMEOUT("its lifetime is over"),
  IDLE("it was idle for too long"),
  DELETED("it was deleted"),
  GUEST_CRASHED("its guest crashed"),
  HOST_SHUTDOWN("its host was shut down"),
  MERGED("merged into another"),
  FROZEN("frozen into a Space"),
  RESUMED("its Space was resumed as another sandbox"),
  ROLLED_BACK("rolled back to a snapshot");

  private final String sentence;

  CloseReason(String sentence) {
    this.sentence = sentence;
  }

  String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  String sentence() {
    return sentence;
  }
}
