package dev.podflare.store.checkpoint;

/** An object is not what was written. The message says in what way; callers add what is lost. */
final class DamagedException extends Exception {
  private static final long serialVersionUID = 1L;

  DamagedException(String message) {
    super(message);
  }

  DamagedException(String message, Throwable cause) {
    super(message, cause);
  }
}
