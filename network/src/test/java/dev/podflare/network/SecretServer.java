package dev.podflare.network;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** A web server with TLS that writes down what it is sent. Thread-safe. */
final class SecretServer implements AutoCloseable {
  /** A request as it came. */
  record Seen(
      String method, String target, List<String> authorization, List<String> key, int body) {}

  final Queue<Seen> seen = new ConcurrentLinkedQueue<>();
  final Queue<String> hosts = new ConcurrentLinkedQueue<>();
  final CountDownLatch second = new CountDownLatch(1);
  private final HttpsServer server;

  private SecretServer(HttpsServer server) {
    this.server = server;
  }

  /** With a certificate of this authority for that name. */
  static SecretServer start(InetAddress address, GateAuthority authority, String name)
      throws Exception {
    GateAuthority.Leaf leaf = authority.leaf(name);
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry(
        "leaf",
        leaf.key(),
        new char[0],
        new java.security.cert.Certificate[] {leaf.certificate(), authority.certificate()});
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(store, new char[0]);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    HttpsServer server = HttpsServer.create(new InetSocketAddress(address, 0), 100);
    server.setHttpsConfigurator(new HttpsConfigurator(context));
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    SecretServer it = new SecretServer(server);
    server.createContext("/", it::serve);
    server.start();
    return it;
  }

  static GateAuthority authority(Path folder, String name) {
    return GateAuthority.open(folder.resolve(name));
  }

  int port() {
    return server.getAddress().getPort();
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      int body = exchange.getRequestBody().readAllBytes().length;
      seen.add(
          new Seen(
              exchange.getRequestMethod(),
              exchange.getRequestURI().toString(),
              exchange.getRequestHeaders().getOrDefault("Authorization", List.of()),
              exchange.getRequestHeaders().getOrDefault("X-Key", List.of()),
              body));
      hosts.add(exchange.getRequestHeaders().getFirst("Host"));
      String path = exchange.getRequestURI().getPath();
      if (path.startsWith("/again")) {
        redirect(exchange, path);
      } else if (path.equals("/redirect")) {
        exchange.getResponseHeaders().set("Location", "https://evil.example/stolen");
        exchange.sendResponseHeaders(302, -1);
      } else if (path.equals("/slow")) {
        exchange.sendResponseHeaders(200, 0);
        exchange.getResponseBody().write("one\n".getBytes(StandardCharsets.UTF_8));
        exchange.getResponseBody().flush();
        wait(second);
        exchange.getResponseBody().write("two\n".getBytes(StandardCharsets.UTF_8));
      } else if (path.equals("/large")) {
        exchange.sendResponseHeaders(200, 5_000_000);
        exchange.getResponseBody().write(new byte[5_000_000]);
      } else {
        byte[] answer = "fine\n".getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, answer.length);
        exchange.getResponseBody().write(answer);
      }
    }
  }

  /** To the same, as servers do that want a slash at the end; its body says it too. */
  private static void redirect(HttpExchange exchange, String path) throws IOException {
    String query = exchange.getRequestURI().getRawQuery();
    String to =
        switch (path) {
          case "/again-in-pieces" -> query.replace("%20", "+").replace("%2F", "/");
          case "/again-coded-oddly" -> query.replace("s3cr3t", "%733cr3t").replace("%2F", "%2f");
          default -> query;
        };
    String location = "https://other.example/dir/?" + to;
    exchange.getResponseHeaders().set("Location", location);
    byte[] body = ("<a href=" + location + ">").getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(301, body.length);
    exchange.getResponseBody().write(body);
  }

  private static void wait(CountDownLatch latch) throws IOException {
    try {
      if (!latch.await(60, TimeUnit.SECONDS)) {
        throw new IOException("nobody read the first part");
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
