package dev.podflare.webhook;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A real HTTP server on loopback that takes events, or not. Thread-safe. */
final class Receiver implements AutoCloseable {
  /** What arrived. */
  record Message(HttpHeaders headers, String body) {
    JsonNode json() {
      return JsonMapper.shared().readTree(body);
    }

    String sandbox() {
      return json().at("/data/sandbox_id").stringValue();
    }

    String id() {
      return headers.firstValue("webhook-id").orElseThrow();
    }
  }

  /** Answers a message. */
  interface Answer {
    void write(HttpExchange exchange, Message message) throws IOException;
  }

  private final HttpServer server;
  private final String scheme;
  private final List<Message> messages = new CopyOnWriteArrayList<>();
  private final AtomicInteger atOnce = new AtomicInteger();
  private final AtomicInteger mostAtOnce = new AtomicInteger();
  private volatile Answer answer = status(204);

  private Receiver(HttpServer server, String scheme) {
    this.server = server;
    this.scheme = scheme;
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this::handle);
    server.start();
  }

  static Receiver start() {
    return start(0);
  }

  static Receiver start(int port) {
    try {
      return new Receiver(HttpServer.create(loopback(port), 0), "http");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Receiver start(SSLContext tls) {
    try {
      HttpsServer server = HttpsServer.create(loopback(0), 0);
      server.setHttpsConfigurator(new HttpsConfigurator(tls));
      return new Receiver(server, "https");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  static Answer status(int status) {
    return (exchange, _) -> exchange.sendResponseHeaders(status, -1);
  }

  Receiver answering(Answer other) {
    answer = other;
    return this;
  }

  private void handle(HttpExchange exchange) throws IOException {
    mostAtOnce.accumulateAndGet(atOnce.incrementAndGet(), Math::max);
    try (exchange) {
      String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      Message message =
          new Message(HttpHeaders.of(exchange.getRequestHeaders(), (_, _) -> true), body);
      messages.add(message);
      answer.write(exchange, message);
    } finally {
      atOnce.decrementAndGet();
    }
  }

  /** All that arrived, in its order, taken or not. */
  List<Message> messages() {
    return messages;
  }

  List<String> sandboxes() {
    return messages.stream().map(Message::sandbox).toList();
  }

  int mostAtOnce() {
    return mostAtOnce.get();
  }

  int port() {
    return server.getAddress().getPort();
  }

  String url() {
    return url("127.0.0.1");
  }

  String url(String host) {
    return scheme + "://" + host + ":" + port() + "/hook?a=b";
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
