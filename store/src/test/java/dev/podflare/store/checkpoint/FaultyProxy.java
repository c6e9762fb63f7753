package dev.podflare.store.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A TCP proxy before a real S3 that does what networks and servers do. Thread-safe. */
final class FaultyProxy implements AutoCloseable {
  enum Fault {
    NONE,
    /** Closes what was accepted. */
    REFUSE,
    /** Takes what comes and never answers. */
    SILENT,
    /** Passes an answer on a byte at a time, for ever. */
    CRAWL,
    /** Ends an answer after some bytes. */
    CUT,
    /** Passes a request on and loses the answer. */
    LOSE,
    /** Answers that the server has too much to do. */
    SLOW_DOWN
  }

  private static final int CUT_AFTER = 3000;
  private static final String BUSY =
      "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

  private final ServerSocket listener;
  private final int target;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger faults = new AtomicInteger();
  private volatile Fault fault = Fault.NONE;

  private FaultyProxy(ServerSocket listener, int target) {
    this.listener = listener;
    this.target = target;
  }

  static FaultyProxy before(int port) throws IOException {
    FaultyProxy proxy =
        new FaultyProxy(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), port);
    Thread.ofVirtual().start(proxy::accept);
    return proxy;
  }

  URI endpoint() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort());
  }

  /** The next {@code times} connections meet the fault; those that are open end. */
  void fail(Fault kind, int times) {
    fault = kind;
    faults.set(times);
    open.forEach(FaultyProxy::close);
  }

  void heal() {
    fail(Fault.NONE, 0);
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listener.accept();
        open.add(client);
        Fault kind = faults.getAndUpdate(it -> Math.max(0, it - 1)) > 0 ? fault : Fault.NONE;
        Thread.ofVirtual().start(() -> serve(client, kind));
      }
    } catch (IOException closed) {
      return;
    }
  }

  private void serve(Socket client, Fault kind) {
    try (client) {
      switch (kind) {
        case NONE, CRAWL, CUT, LOSE -> pass(client, kind);
        case REFUSE -> close(client);
        case SILENT -> client.getInputStream().transferTo(OutputStream.nullOutputStream());
        case SLOW_DOWN -> {
          if (client.getInputStream().read() >= 0) {
            client.getOutputStream().write(BUSY.getBytes(StandardCharsets.US_ASCII));
            client.shutdownOutput();
            client.getInputStream().transferTo(OutputStream.nullOutputStream());
          }
        }
      }
    } catch (IOException gone) {
      return;
    } finally {
      open.remove(client);
    }
  }

  private void pass(Socket client, Fault kind) throws IOException {
    try (Socket server = new Socket(InetAddress.getLoopbackAddress(), target)) {
      open.add(server);
      Thread.ofVirtual().start(() -> forward(client, server));
      answer(server.getInputStream(), client.getOutputStream(), kind);
      open.remove(server);
    }
  }

  private static void forward(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
      to.shutdownOutput();
    } catch (IOException gone) {
      close(to);
    }
  }

  private static void answer(InputStream from, OutputStream to, Fault kind) throws IOException {
    if (kind == Fault.NONE) {
      from.transferTo(to);
    } else if (kind == Fault.LOSE) {
      from.readNBytes(1); // it has been done
    } else if (kind == Fault.CUT) {
      to.write(from.readNBytes(CUT_AFTER));
    } else {
      for (int next = from.read(); next >= 0; next = from.read()) {
        to.write(next);
        pause();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      listener.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    open.forEach(FaultyProxy::close);
  }
}
