package dev.podflare.tests;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * A web server of the internet, with or without TLS, that writes down all it is sent. Thread-safe.
 */
final class SecretSite implements AutoCloseable {
  /** Held by classes that have one, since each listens at the same port. */
  static final String LOCK = "web servers of the test internet";

  private static final char[] PASSWORD = "changeit".toCharArray();

  /** A request as it came; names of fields in lower case. */
  record Seen(String method, String target, Map<String, List<String>> fields, String body) {
    List<String> field(String name) {
      return fields.getOrDefault(name, List.of());
    }
  }

  /** Answers what is not said here. */
  interface Handler {
    void handle(HttpExchange exchange, byte[] body) throws IOException;
  }

  final Queue<Seen> seen = new ConcurrentLinkedQueue<>();
  private final HttpServer server;
  private final Handler handler;

  private SecretSite(HttpServer server, Handler handler) {
    this.server = server;
    this.handler = handler;
  }

  /** A certificate for some names, as files in the folder. */
  record Certificate(Path store, Path pem) {
    static Certificate make(Path folder, String... names) throws Exception {
      Path store = folder.resolve(names[0] + ".p12");
      Path pem = folder.resolve(names[0] + ".pem");
      String alternatives =
          Stream.of(names).map(it -> "dns:" + it).collect(Collectors.joining(","));
      keytool(
          "-genkeypair -alias a -keyalg EC -groupname secp256r1 -storetype PKCS12 -storepass"
              + " changeit -dname CN="
              + names[0]
              + " -ext san="
              + alternatives
              + " -keystore "
              + store);
      keytool("-exportcert -rfc -alias a -storepass changeit -keystore " + store + " -file " + pem);
      return new Certificate(store, pem);
    }

    private static void keytool(String arguments) throws Exception {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
      command.addAll(List.of(arguments.split(" ")));
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(1, TimeUnit.MINUTES) || process.exitValue() != 0) {
        throw new IOException(output);
      }
    }
  }

  static SecretSite tls(TestInternet internet, String address, int port, Certificate certificate)
      throws Exception {
    return tls(internet, address, port, certificate, (exchange, body) -> usual(exchange));
  }

  static SecretSite tls(
      TestInternet internet, String address, int port, Certificate certificate, Handler handler)
      throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(certificate.store())) {
      store.load(in, PASSWORD);
    }
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(store, PASSWORD);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    HttpsServer server =
        internet.outside(() ->
            HttpsServer.create(new InetSocketAddress(TestInternet.address(address), port), 100));
    server.setHttpsConfigurator(new HttpsConfigurator(context));
    return start(server, handler);
  }

  static SecretSite plain(TestInternet internet, String address, int port) {
    HttpServer server =
        internet.outside(() ->
            HttpServer.create(new InetSocketAddress(TestInternet.address(address), port), 100));
    return start(server, (exchange, body) -> usual(exchange));
  }

  private static SecretSite start(HttpServer server, Handler handler) {
    SecretSite site = new SecretSite(server, handler);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", site::serve);
    server.start();
    return site;
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      Map<String, List<String>> fields = new TreeMap<>();
      exchange
          .getRequestHeaders()
          .forEach((name, values) -> fields.put(name.toLowerCase(Locale.ROOT), values));
      seen.add(
          new Seen(
              exchange.getRequestMethod(),
              exchange.getRequestURI().toString(),
              fields,
              new String(body, StandardCharsets.ISO_8859_1)));
      handler.handle(exchange, body);
    }
  }

  private static void usual(HttpExchange exchange) throws IOException {
    String query = exchange.getRequestURI().getQuery();
    if (query != null && query.startsWith("to=")) {
      exchange.getResponseHeaders().set("Location", query.substring("to=".length()));
      exchange.sendResponseHeaders(302, -1);
      return;
    }
    byte[] answer = "fine".getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, answer.length);
    exchange.getResponseBody().write(answer);
  }

  /** Whether anything that came has these characters. */
  boolean got(String text) {
    return seen.stream().anyMatch(it -> it.toString().contains(text));
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
