package dev.podflare.server.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** One connection on which any bytes can be sent. One thread. */
public final class RawHttp implements AutoCloseable {
  private final Socket socket = new Socket();
  private final InputStream in;

  public RawHttp(URI base, Duration readTimeout) throws IOException {
    socket.connect(new InetSocketAddress(base.getHost(), base.getPort()), 5_000);
    socket.setSoTimeout(Math.toIntExact(readTimeout.toMillis()));
    socket.setTcpNoDelay(true);
    in = socket.getInputStream();
  }

  public void send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    socket.getOutputStream().flush();
  }

  public void send(String text) throws IOException {
    send(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  public void endOfOutput() throws IOException {
    socket.shutdownOutput();
  }

  /** Closes with a reset, like a process that was killed. */
  public void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  /** The next byte, or -1. */
  public int read() throws IOException {
    return in.read();
  }

  /** Reads up to so many bytes and forgets them; how many came before the end. */
  public long skip(long most) throws IOException {
    byte[] piece = new byte[64 * 1024];
    long all = 0;
    while (all < most) {
      int size = in.read(piece, 0, (int) Math.min(piece.length, most - all));
      if (size < 0) {
        return all;
      }
      all += size;
    }
    return all;
  }

  /** The next answer; empty if the connection ended before one began. */
  public Optional<Answer> answer(boolean head) throws IOException {
    String status = line();
    if (status.isEmpty()) {
      return Optional.empty();
    }
    if (!status.matches("HTTP/1\\.[01] [0-9]{3}( .*)?")) {
      throw new IOException("no status line: " + status);
    }
    int code = Integer.parseInt(status.substring(9, 12));
    Map<String, List<String>> headers = new LinkedHashMap<>();
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      headers
          .computeIfAbsent(
              line.substring(0, colon).toLowerCase(Locale.ROOT), name -> new ArrayList<>())
          .add(line.substring(colon + 1).strip());
    }
    if (code == 100) {
      return answer(head);
    }
    byte[] body = head || code == 204 || code == 304 ? new byte[0] : body(headers);
    return Optional.of(new Answer(code, headers, body));
  }

  private byte[] body(Map<String, List<String>> headers) throws IOException {
    if (headers.getOrDefault("transfer-encoding", List.of()).contains("chunked")) {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      while (true) {
        int size = Integer.parseInt(line(), 16);
        all.write(in.readNBytes(size));
        line();
        if (size == 0) {
          return all.toByteArray();
        }
      }
    }
    List<String> length = headers.get("content-length");
    if (length == null) {
      return in.readAllBytes();
    }
    int wanted = Integer.parseInt(length.getFirst());
    byte[] body = in.readNBytes(wanted);
    if (body.length < wanted) {
      throw new IOException("the body ended after " + body.length + " of " + wanted + " bytes");
    }
    return body;
  }

  /** The next line, without its end. */
  public String line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
      if (c != '\r') {
        line.write(c);
      }
    }
    return line.toString(StandardCharsets.ISO_8859_1);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
