package dev.podflare.network;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Optional;

/**
 * Reads a client's first bytes until it is clear what they are. Nothing is taken off the inflow.
 */
final class FirstBytes {
  private FirstBytes() {}

  @FunctionalInterface
  private interface More {
    boolean read() throws IOException;
  }

  /** Waits so long; {@link Opening.Silent} if not a byte came. */
  static Opening within(Duration time, Inflow in) throws IOException {
    TimeLeft left = TimeLeft.of(time);
    try {
      return read(in, () -> in.more(left));
    } catch (SocketTimeoutException e) {
      return in.seen().hasRemaining() ? new Opening.Unreadable() : new Opening.Silent();
    }
  }

  /** Waits until the connection ends. */
  static Opening whenever(Inflow in) throws IOException {
    return read(in, in::more);
  }

  private static Opening read(Inflow in, More more) throws IOException {
    while (true) {
      Optional<Opening> opening = Opening.of(in.seen());
      if (opening.isPresent()) {
        return opening.get();
      }
      if (in.isFull()) {
        return new Opening.Unreadable();
      }
      if (!more.read()) {
        return in.seen().hasRemaining() ? new Opening.Unreadable() : new Opening.Gone();
      }
    }
  }
}
