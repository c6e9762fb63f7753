package dev.podflare.cli;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SecretOptions;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * The rows about the secret gate: requests of a guest with a secret, against those of one without,
 * to the same web server beside this host. Nothing is sent to the outside. One thread.
 */
final class SecretBench {
  private static final int ROUNDS = 60;
  private static final String HOST = "secret.bench.example";

  /** Median milliseconds of requests, each on a connection of its own or all on one. */
  private static final String REQUESTS =
      """
      import http.client, ssl, statistics, time
      def requests(host, port, rounds, kept):
          context = ssl.create_default_context()
          context.check_hostname = False
          context.verify_mode = ssl.CERT_NONE
          times, connection = [], None
          for number in range(-10, rounds):
              begin = time.perf_counter()
              if connection is None or not kept:
                  connection = http.client.HTTPSConnection(host, port, context=context, timeout=60)
              connection.request('GET', '/')
              answer = connection.getresponse()
              assert answer.status == 200 and answer.read() == b'fine', answer.status
              if number >= 0:
                  times.append(time.perf_counter() - begin)
              if not kept:
                  connection.close()
          return statistics.median(times) * 1000
      """;

  private final Podflare podflare;
  private final SandboxOptions options;
  private final Site site;

  /**
   * The web server.
   *
   * @param neighbour where it is
   * @param address of it there
   * @param certificate that the gate must trust
   */
  record Site(BenchNeighbour neighbour, HttpsServer server, Inet4Address address, Path certificate)
      implements AutoCloseable {
    /** Files are in the folder. */
    static Site start(Path folder) {
      try {
        Path store = folder.resolve("bench.p12");
        Path pem = folder.resolve("bench.pem");
        keytool(
            "-genkeypair -alias a -keyalg EC -groupname secp256r1 -storetype PKCS12 -storepass"
                + " changeit -dname CN="
                + HOST
                + " -ext san=dns:"
                + HOST
                + " -keystore "
                + store);
        keytool(
            "-exportcert -rfc -alias a -storepass changeit -keystore " + store + " -file " + pem);
        BenchNeighbour neighbour = BenchNeighbour.open(folder);
        Inet4Address address = neighbour.address();
        HttpsServer server =
            neighbour.in(() -> HttpsServer.create(new InetSocketAddress(address, 0), 100));
        server.setHttpsConfigurator(new HttpsConfigurator(context(store)));
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext(
            "/",
            exchange -> {
              try (exchange) {
                byte[] answer = "fine".getBytes(StandardCharsets.US_ASCII);
                exchange.sendResponseHeaders(200, answer.length);
                exchange.getResponseBody().write(answer);
              }
            });
        server.start();
        return new Site(neighbour, server, address, pem);
      } catch (IOException | GeneralSecurityException e) {
        throw new PodflareException(
            ErrorCode.HOST_NOT_READY, "the bench's web server cannot start: " + e.getMessage(), e);
      }
    }

    private static SSLContext context(Path file) throws IOException, GeneralSecurityException {
      KeyStore store = KeyStore.getInstance("PKCS12");
      char[] password = "changeit".toCharArray();
      try (InputStream in = Files.newInputStream(file)) {
        store.load(in, password);
      }
      KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
      keys.init(store, password);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys.getKeyManagers(), null, null);
      return context;
    }

    private static void keytool(String arguments) throws IOException {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
      command.addAll(List.of(arguments.split(" ")));
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      try {
        if (!process.waitFor(1, TimeUnit.MINUTES) || process.exitValue() != 0) {
          throw new IOException(said);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }

    int port() {
      return server.getAddress().getPort();
    }

    @Override
    public void close() {
      server.stop(0);
      neighbour.close();
    }
  }

  SecretBench(Podflare podflare, SandboxOptions options, Site site) {
    this.podflare = podflare;
    this.options = options;
    this.site = site;
  }

  List<BenchRow> measure(Consumer<String> progress) {
    progress.accept("requests with a secret, and without");
    SecretOptions secret =
        SecretOptions.header(
            "KEY", List.of(HOST + ":" + site.port()), "Authorization", "Bearer of the bench");
    BenchNameServer names = names();
    try (Sandbox without = podflare.create(options);
        Sandbox with = podflare.create(options)) {
      with.putSecret(secret);
      ForkBench.run(without, REQUESTS);
      ForkBench.run(with, REQUESTS);
      List<BenchRow> rows = new ArrayList<>();
      rows.add(row(with, without, true, "request through the secret gate, p50"));
      rows.add(row(with, without, false, "connection and request through the secret gate, p50"));
      long uses = with.secrets().getFirst().uses();
      if (uses < 2 * ROUNDS) {
        throw new PodflareException(
            ErrorCode.INTERNAL, "only " + uses + " requests of the bench got their secret");
      }
      return rows;
    } finally {
      names.close();
    }
  }

  private BenchNameServer names() {
    try {
      return BenchNameServer.start(site.address().getAddress());
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "the bench's name server cannot start: " + e.getMessage(), e);
    }
  }

  private BenchRow row(Sandbox with, Sandbox without, boolean kept, String name) {
    double floor = measured(without, kept);
    double through = measured(with, kept);
    return BenchRow.bounded(
        name,
        through,
        "ms",
        new BenchRow.Floor("the same without a secret", floor),
        1.5,
        2,
        "n=" + ROUNDS + (kept ? ", one connection" : ", a connection each"));
  }

  private double measured(Sandbox sandbox, boolean kept) {
    RunResult result =
        sandbox.runCode(
            "print(requests('"
                + HOST
                + "', "
                + site.port()
                + ", "
                + ROUNDS
                + ", "
                + (kept ? "True" : "False")
                + "))");
    if (result.exitCode() != 0) {
      throw new PodflareException(ErrorCode.INTERNAL, "the bench's requests failed: " + result);
    }
    return Double.parseDouble(result.stdout().strip());
  }
}
