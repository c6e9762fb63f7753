package dev.podflare.server.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Reads {@code GET /v1/events} as a browser's EventSource would, over a bare socket. One thread.
 */
public final class EventReader implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 20_000;

  /**
   * What came.
   *
   * @param id what the reader is to resume after
   * @param type empty if this only moves the position
   */
  public record Event(long id, String type, String data) {}

  public final int status;
  public final Map<String, String> headers = new HashMap<>();
  private final Socket socket;
  private final BufferedReader in;

  private EventReader(Socket socket) throws IOException {
    this.socket = socket;
    this.in =
        new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII), 1);
    this.status = Integer.parseInt(in.readLine().split(" ", 3)[1]);
    for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
      int colon = line.indexOf(':');
      headers.put(
          line.substring(0, colon).toLowerCase(java.util.Locale.ROOT), line.substring(colon + 2));
    }
  }

  /** {@code more}: further header lines. */
  public static EventReader open(URI server, String key, String path, String... more) {
    try {
      Socket socket = new Socket();
      socket.setReceiveBufferSize(4096);
      socket.connect(new java.net.InetSocketAddress(server.getHost(), server.getPort()));
      socket.setSoTimeout(PATIENCE_MILLIS);
      String head =
          "GET "
              + path
              + " HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer "
              + key
              + "\r\n"
              + Stream.of(more).map(it -> it + "\r\n").collect(Collectors.joining())
              + "\r\n";
      socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
      return new EventReader(socket);
    } catch (IOException failed) {
      throw new AssertionError(failed);
    }
  }

  /** The next event or move of the position; empty at the end of the stream, cut or not. */
  public Optional<Event> next() {
    long id = -1;
    String type = "";
    String data = "";
    try {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        if (line.startsWith("id: ")) {
          id = Long.parseLong(line.substring(4));
        } else if (line.startsWith("event: ")) {
          type = line.substring(7);
        } else if (line.startsWith("data: ")) {
          data = line.substring(6);
        } else if (line.isEmpty() && id >= 0) {
          return Optional.of(new Event(id, type, data));
        }
        // What is left are comments: HTTP/1.0 has no chunks.
      }
      return Optional.empty();
    } catch (SocketTimeoutException silent) {
      throw new AssertionError("nothing in " + Duration.ofMillis(PATIENCE_MILLIS), silent);
    } catch (IOException cut) {
      return Optional.empty();
    }
  }

  /** The next real event. */
  public Event event() {
    for (Optional<Event> event = next(); event.isPresent(); event = next()) {
      if (!event.get().type().isEmpty()) {
        return event.get();
      }
    }
    throw new AssertionError("the stream has ended");
  }

  /** Real events up to the end of the stream. */
  public List<Event> rest() {
    List<Event> all = new ArrayList<>();
    for (Optional<Event> event = next(); event.isPresent(); event = next()) {
      event.filter(it -> !it.type().isEmpty()).ifPresent(all::add);
    }
    return all;
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
