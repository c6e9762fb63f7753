package dev.podflare.volume;

/** A call about files is refused, for a reason that the guest's program is told. */
final class NfsFault extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final NfsStatus status;

  NfsFault(NfsStatus status) {
    super(status.name(), null, false, false); // an ordinary answer: no stack is needed
    this.status = status;
  }

  NfsStatus status() {
    return status;
  }
}
