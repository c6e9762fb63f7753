package dev.podflare.volume;

import java.io.IOException;

/** What a guest has sent is no call, or one whose arguments make no sense. */
final class BadCallException extends IOException {
  private static final long serialVersionUID = 1;

  BadCallException(String why) {
    super(why);
  }
}
