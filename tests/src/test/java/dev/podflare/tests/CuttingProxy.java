package dev.podflare.tests;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A TCP proxy that misbehaves on request: it cuts answers after so many bytes, answers in the
 * server's place, or waits. One request of a connection at a time. Thread-safe.
 */
final class CuttingProxy implements AutoCloseable {
  private static final int PIECE = 65_536;
  private static final String END = "\r\n\r\n";

  private final ServerSocket listener;
  private final Set<Socket> open = new HashSet<>(); // guarded by this
  private final List<String> requests = new ArrayList<>(); // guarded by this
  private final Queue<Integer> cuts = new ArrayDeque<>(); // guarded by this
  private final Queue<Torn> cutRequests = new ArrayDeque<>(); // guarded by this
  private final Queue<String> answers = new ArrayDeque<>(); // guarded by this
  private volatile Predicate<String> only = head -> true;
  private volatile Duration delay = Duration.ZERO;
  private volatile URI server;

  CuttingProxy(URI server) throws IOException {
    this(server, 0);
  }

  CuttingProxy(URI server, int port) throws IOException {
    this.server = server;
    this.listener = new ServerSocket();
    listener.setReuseAddress(true);
    listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    Thread.ofVirtual().start(this::accept);
  }

  URI address() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort());
  }

  /** Whom new connections lead to. */
  void leadTo(URI other) {
    server = other;
  }

  /** Which requests are meddled with, by their head. */
  void only(Predicate<String> heads) {
    only = heads;
  }

  /** How long each request waits. */
  void delay(Duration time) {
    delay = time;
  }

  /** One answer after the other is cut after so many bytes; then all go through. */
  synchronized void cut(int... afterBytes) {
    cuts.clear();
    for (int bytes : afterBytes) {
      cuts.add(bytes);
    }
  }

  /** A request that breaks off after so many bytes of its body, and what is waited for before. */
  private record Torn(int afterBytes, Runnable before) {}

  /** The next request's connection breaks after so many bytes of its body, and a wait. */
  synchronized void cutRequest(int afterBytes, Runnable before) {
    cutRequests.add(new Torn(afterBytes, before));
  }

  /** Is said instead of the server's next answer. */
  synchronized void answer(String status, String body, String... headers) {
    StringBuilder head = new StringBuilder("HTTP/1.1 " + status + "\r\nContent-Length: ");
    head.append(body.getBytes(StandardCharsets.UTF_8).length);
    for (String header : headers) {
      head.append("\r\n").append(header);
    }
    answers.add(head + END + body);
  }

  /** Heads of the requests since this was last asked. */
  synchronized List<String> requests() {
    List<String> seen = List.copyOf(requests);
    requests.clear();
    return seen;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket caller = listener.accept();
        Thread.ofVirtual().start(() -> serve(caller));
      } catch (IOException closed) {
        return;
      }
    }
  }

  private void serve(Socket caller) {
    try (caller;
        Socket to = new Socket(server.getHost(), server.getPort())) {
      caller.setTcpNoDelay(true);
      to.setTcpNoDelay(true);
      synchronized (this) {
        open.add(caller);
        open.add(to);
      }
      Connection connection = new Connection(caller, to);
      Thread back = Thread.ofVirtual().start(connection::back);
      connection.forth();
      end(to);
      back.join();
    } catch (IOException | InterruptedException broken) {
      end(caller);
    }
    synchronized (this) {
      open.remove(caller);
    }
  }

  private static void end(Socket socket) {
    try {
      socket.close();
    } catch (IOException gone) {
      throw new AssertionError(gone);
    }
  }

  /** What is done with a request. */
  private record Meddling(
      @Nullable String answer, @Nullable Integer cut, @Nullable Torn cutRequest) {}

  private synchronized Meddling meddling(String head) {
    requests.add(head);
    if (!only.test(head)) {
      return new Meddling(null, null, null);
    }
    String answer = answers.poll();
    return new Meddling(
        answer, answer == null ? cuts.poll() : null, answer == null ? cutRequests.poll() : null);
  }

  private final class Connection {
    private final Socket caller;
    private final Socket to;
    private volatile int left = Integer.MAX_VALUE;

    Connection(Socket caller, Socket to) {
      this.caller = caller;
      this.to = to;
    }

    /** Bodies have a length, or there is none. */
    void forth() throws IOException, InterruptedException {
      InputStream in = caller.getInputStream();
      for (String head = head(in); head != null; head = head(in)) {
        Meddling meddling = meddling(head);
        long length = length(head);
        if (meddling.answer() != null) {
          in.skipNBytes(length);
          caller.getOutputStream().write(meddling.answer().getBytes(StandardCharsets.UTF_8));
          continue;
        }
        Integer cut = meddling.cut();
        left = cut == null ? Integer.MAX_VALUE : cut;
        Thread.sleep(delay);
        to.getOutputStream().write(head.getBytes(StandardCharsets.ISO_8859_1));
        Torn torn = meddling.cutRequest();
        carry(in, torn == null ? length : Math.min(torn.afterBytes(), length));
        if (torn != null) {
          torn.before().run();
          end(caller);
          return;
        }
      }
    }

    private @Nullable String head(InputStream in) throws IOException {
      ByteArrayOutputStream head = new ByteArrayOutputStream();
      for (int next = in.read(); next >= 0; next = in.read()) {
        head.write(next);
        if (next == '\n' && head.toString(StandardCharsets.ISO_8859_1).endsWith(END)) {
          return head.toString(StandardCharsets.ISO_8859_1);
        }
      }
      return null;
    }

    private void carry(InputStream in, long bytes) throws IOException {
      byte[] piece = new byte[PIECE];
      long rest = bytes;
      while (rest > 0) {
        int count = in.read(piece, 0, (int) Math.min(PIECE, rest));
        if (count < 0) {
          return;
        }
        to.getOutputStream().write(piece, 0, count);
        rest -= count;
      }
    }

    void back() {
      byte[] piece = new byte[PIECE];
      try {
        InputStream in = to.getInputStream();
        for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
          int let = Math.min(count, left);
          caller.getOutputStream().write(piece, 0, let);
          left = left == Integer.MAX_VALUE ? left : left - let;
          if (left <= 0) {
            break;
          }
        }
      } catch (IOException broken) {
        // of the other side, which sees it
      }
      end(caller);
      end(to);
    }
  }

  private static long length(String head) {
    return head.toLowerCase(Locale.ROOT)
        .lines()
        .filter(line -> line.startsWith("content-length:"))
        .mapToLong(line -> Long.parseLong(line.substring("content-length:".length()).strip()))
        .findFirst()
        .orElse(0);
  }

  @Override
  public void close() throws IOException {
    listener.close();
    List<Socket> all;
    synchronized (this) {
      all = List.copyOf(open);
    }
    all.forEach(CuttingProxy::end);
  }
}
