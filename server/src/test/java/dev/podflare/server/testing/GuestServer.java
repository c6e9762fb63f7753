package dev.podflare.server.testing;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A server as a guest might run it, on loopback, byte for byte what the test wants. Each connection
 * is given to the handler after its head was read. Thread-safe.
 */
public final class GuestServer implements AutoCloseable {
  private final ServerSocket server;
  private final BlockingQueue<Head> heads = new LinkedBlockingQueue<>();
  private final List<Socket> open = new CopyOnWriteArrayList<>();

  /** What to do with a connection; it is closed afterwards. */
  public interface Handler {
    void handle(Head head, InputStream in, OutputStream out) throws IOException;
  }

  /** Request line and headers, without the empty line. */
  public record Head(List<String> lines) {
    public String line() {
      return lines.getFirst();
    }

    /** All values of a header, in order. */
    public List<String> all(String name) {
      String start = name.toLowerCase(Locale.ROOT) + ": ";
      return lines.stream()
          .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(start))
          .map(line -> line.substring(start.length()))
          .toList();
    }
  }

  private GuestServer(ServerSocket server) {
    this.server = server;
  }

  public static GuestServer start(Handler handler) throws IOException {
    GuestServer guest = new GuestServer(new ServerSocket(0, 256, InetAddress.getLoopbackAddress()));
    Thread.ofVirtual().start(() -> guest.accept(handler));
    return guest;
  }

  /** Answers everything with the same text. */
  public static GuestServer answering(String whole) throws IOException {
    return start((_, _, out) -> out.write(whole.getBytes(StandardCharsets.ISO_8859_1)));
  }

  public InetSocketAddress address() {
    return (InetSocketAddress) server.getLocalSocketAddress();
  }

  /** The next head that came in. */
  public Head head() throws InterruptedException {
    Head head = heads.poll(10, TimeUnit.SECONDS);
    if (head == null) {
      throw new AssertionError("the guest was not asked");
    }
    return head;
  }

  public int asked() {
    return heads.size();
  }

  private void accept(Handler handler) {
    while (!server.isClosed()) {
      try {
        Socket socket = server.accept();
        open.add(socket);
        Thread.ofVirtual().start(() -> serve(socket, handler));
      } catch (IOException closed) {
        return;
      }
    }
  }

  private void serve(Socket socket, Handler handler) {
    try (socket) {
      InputStream in = new BufferedInputStream(socket.getInputStream());
      Head head = read(in);
      heads.add(head);
      handler.handle(head, in, socket.getOutputStream());
      socket.shutdownOutput();
      in.skipNBytes(Long.MAX_VALUE);
    } catch (IOException gone) {
      // The proxy closes when it has what it wants.
    }
  }

  private static Head read(InputStream in) throws IOException {
    List<String> lines = new CopyOnWriteArrayList<>();
    for (String line = line(in); !line.isEmpty(); line = line(in)) {
      lines.add(line);
    }
    return new Head(List.copyOf(lines));
  }

  /** A line without its end. */
  public static String line(InputStream in) throws IOException {
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
    server.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
