package dev.podflare.server;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.jetty.http.HttpParser;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.internal.HttpConnection;

/**
 * Cuts connections whose request head has begun and does not end: a sender of one byte now and then
 * is never idle, so Jetty's own timeout does not see it. Runs on a thread of its own.
 */
final class SlowHeaders implements AutoCloseable {
  private final ServerConnector connector;
  private final Duration limit;
  private final Map<HttpConnection, Long> begun = new ConcurrentHashMap<>();
  private final Thread thread;

  SlowHeaders(ServerConnector connector, Duration limit) {
    this.connector = connector;
    this.limit = limit;
    this.thread = Thread.ofVirtual().name("slow-headers").unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  @Override
  public void close() {
    thread.interrupt();
  }

  private void run() {
    Duration step = limit.dividedBy(4);
    try {
      while (true) {
        Thread.sleep(step);
        look(System.nanoTime());
      }
    } catch (InterruptedException closed) {
      begun.clear();
    }
  }

  private void look(long now) {
    begun.keySet().removeIf(connection -> !inHead(connection));
    for (EndPoint endPoint : connector.getConnectedEndPoints()) {
      if (endPoint.getConnection() instanceof HttpConnection connection && inHead(connection)) {
        long since = begun.computeIfAbsent(connection, c -> now);
        if (now - since > limit.toNanos()) {
          endPoint.close();
        }
      }
    }
  }

  private static boolean inHead(HttpConnection connection) {
    HttpParser parser = connection.getParser();
    return connection.getEndPoint().isOpen()
        && parser.inHeaderState()
        && !parser.isState(HttpParser.State.START);
  }
}
