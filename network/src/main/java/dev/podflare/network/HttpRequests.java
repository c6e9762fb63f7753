package dev.podflare.network;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A client's requests on one connection, each of which is read and checked before it is passed on.
 * So a connection that is kept alive cannot be used for another host, and a response that closes
 * early or late changes nothing. One thread.
 */
final class HttpRequests {
  private static final Pattern CHUNK = Pattern.compile("([0-9a-fA-F]{1,15})(?:;[^\\r\\n]*)?\r\n");

  /** A field, or the empty line behind the last one. */
  private static final Pattern TRAILER =
      Pattern.compile("(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\\t -~\\x80-\\xff]*)?\r\n");

  /** Writes the head of a request that was checked. */
  @FunctionalInterface
  interface Heads {
    Heads AS_THEY_ARE =
        (head, out) ->
            out.write(ByteBuffer.wrap(head.text().getBytes(StandardCharsets.ISO_8859_1)));

    void write(HttpHead head, Outflow out) throws IOException;
  }

  private final Inflow in;
  private boolean first = true;

  HttpRequests(Inflow in) {
    this.in = in;
  }

  /**
   * The next head.
   *
   * @throws Unreadable if there is one that cannot be trusted
   * @return empty at the end of the stream
   */
  Optional<HttpHead> next() throws IOException {
    Optional<String> text = in.take("\r\n\r\n");
    if (text.isEmpty() && !in.seen().hasRemaining()) {
      return Optional.empty();
    }
    boolean mayUpgrade = first;
    first = false;
    return Optional.of(
        text.flatMap(it -> HttpHead.read(it, mayUpgrade)).orElseThrow(Unreadable::new));
  }

  /**
   * Passes on this request and those that follow, to the end.
   *
   * @param allowed asked for each further head; false ends the passing
   * @param heads writes each head
   * @param switched waits for the answer to an upgrade; true if it is now a WebSocket
   * @return false if a request was not allowed
   */
  boolean pass(
      HttpHead head,
      Outflow out,
      Predicate<HttpHead> allowed,
      Heads heads,
      BooleanSupplier switched)
      throws IOException {
    Optional<HttpHead> current = Optional.of(head);
    while (current.isPresent()) {
      if (passOne(current.get(), out, heads, switched)) {
        return true;
      }
      current = next();
      if (current.isPresent() && !allowed.test(current.get())) {
        return false;
      }
    }
    return true;
  }

  /**
   * Passes on one request, and no other.
   *
   * @return whether it went on as a WebSocket, which has ended
   */
  boolean passOne(HttpHead request, Outflow out, Heads heads, BooleanSupplier switched)
      throws IOException {
    heads.write(request, out);
    body(request, out);
    if (request.webSocket() && switched.getAsBoolean()) {
      in.passAll(out);
      return true;
    }
    return false;
  }

  private void body(HttpHead request, Outflow out) throws IOException {
    if (request.length().isPresent()) {
      in.pass(request.length().getAsLong(), out);
      return;
    }
    long size;
    do {
      size = chunk(out);
    } while (size > 0);
    trailer(out);
  }

  private long chunk(Outflow out) throws IOException {
    String line = in.take("\r\n").orElseThrow(Unreadable::new);
    Matcher chunk = CHUNK.matcher(line);
    if (!chunk.matches()) {
      throw new Unreadable();
    }
    write(line, out);
    long size = Long.parseLong(chunk.group(1), 16);
    in.pass(size, out);
    if (size > 0) {
      String end = in.take("\r\n").orElseThrow(Unreadable::new);
      if (end.length() != 2) {
        throw new Unreadable();
      }
      write(end, out);
    }
    return size;
  }

  /** Trailer fields end with an empty line, as a head does. */
  private void trailer(Outflow out) throws IOException {
    int total = 0;
    String line;
    do {
      line = in.take("\r\n").orElseThrow(Unreadable::new);
      total += line.length();
      if (total > GateConfig.LARGEST_HEAD || !TRAILER.matcher(line).matches()) {
        throw new Unreadable();
      }
      write(line, out);
    } while (line.length() > 2);
  }

  private static void write(String text, Outflow out) throws IOException {
    out.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1)));
  }

  /** A request that two programs could read differently. */
  static final class Unreadable extends IOException {
    private static final long serialVersionUID = 1L;

    Unreadable() {
      super("a request that cannot be trusted");
    }
  }
}
