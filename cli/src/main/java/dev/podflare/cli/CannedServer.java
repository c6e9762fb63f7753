package dev.podflare.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * An HTTP server on loopback that answers with texts given beforehand, for the start-up training
 * and for tests of the verbs. Thread-safe.
 */
final class CannedServer implements AutoCloseable {
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpServer server;
  private final Map<String, HttpHandler> answers = new ConcurrentHashMap<>();

  CannedServer() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    server.setExecutor(executor);
    server.createContext("/", this::handle);
    server.start();
  }

  /** An empty body for statuses that have none. */
  CannedServer on(String methodAndPath, int status, String body) {
    return on(methodAndPath, exchange -> write(exchange, status, body));
  }

  CannedServer on(String methodAndPath, HttpHandler answer) {
    answers.put(methodAndPath, answer);
    return this;
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      HttpHandler answer =
          answers.get(exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath());
      if (answer == null) {
        write(exchange, 404, "{\"error\":\"no such route\",\"code\":\"route_not_found\"}");
      } else {
        answer.handle(exchange);
      }
    }
  }

  private static void write(HttpExchange exchange, int status, String text) throws IOException {
    exchange.getRequestBody().readAllBytes();
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      exchange.getResponseBody().write(body);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    executor.shutdownNow();
  }
}
