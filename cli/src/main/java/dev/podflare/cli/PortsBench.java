package dev.podflare.cli;

import dev.podflare.cli.BenchRow.Floor;
import dev.podflare.client.PortLink;
import dev.podflare.client.Sandbox;
import dev.podflare.engine.EngineProbe;
import java.io.IOException;
import java.net.CookieManager;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What the way through the server costs a request to a guest's port, against one that goes straight
 * to the guest. One thread.
 */
final class PortsBench {
  private static final int PORT = 8000;
  private static final int ROUNDS = 40;
  private static final int LARGE = 20_000_000;
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private static final String SERVER =
      """
      import http.server, threading
      LARGE = bytes(20_000_000)
      class Handler(http.server.BaseHTTPRequestHandler):
          protocol_version = "HTTP/1.1"
          def do_GET(self):
              body = LARGE if self.path.endswith("large") else b"small"
              self.send_response(200)
              self.send_header("Content-Length", str(len(body)))
              self.end_headers()
              self.wfile.write(body)
          def log_message(self, *words): pass
      server = http.server.ThreadingHTTPServer(("", 8000), Handler)
      threading.Thread(target=server.serve_forever, daemon=True).start()
      """;

  private final EngineProbe probe;

  PortsBench(EngineProbe probe) {
    this.probe = probe;
  }

  List<BenchRow> measure(Sandbox sandbox) {
    ForkBench.run(sandbox, SERVER);
    URI direct = URI.create("http:/" + probe.portAddress(sandbox.id(), PORT) + "/");
    URI proxied = sandbox.portUrl(PORT);
    try (HttpClient client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .cookieHandler(new CookieManager())
            .followRedirects(HttpClient.Redirect.NORMAL)
            .build()) {
      PortLink link = sandbox.portLink(PORT, Duration.ofHours(1));
      get(client, link.url()); // its cookie opens the following
      return List.of(
          requests(client, direct, proxied),
          throughput(client, direct.resolve("large"), proxied.resolve("large")));
    }
  }

  private static BenchRow requests(HttpClient client, URI direct, URI proxied) {
    List<Double> straight = new ArrayList<>();
    List<Double> through = new ArrayList<>();
    for (int i = 0; i < ROUNDS; i++) {
      straight.add(get(client, direct));
      through.add(get(client, proxied));
    }
    Statistics ours = Statistics.of(through);
    return BenchRow.bounded(
        "request to a guest's port, p50",
        ours.p50(),
        "ms",
        new Floor("straight to the guest", Statistics.of(straight).p50()),
        1.5,
        0,
        String.format(Locale.ROOT, "n=%d, p95 %.1f ms", ROUNDS, ours.p95()));
  }

  private static BenchRow throughput(HttpClient client, URI direct, URI proxied) {
    double straight = get(client, direct);
    double through = get(client, proxied);
    return BenchRow.bounded(
        "20 MB from a guest's port",
        through,
        "ms",
        new Floor("straight to the guest", straight),
        1.5,
        0,
        String.format(Locale.ROOT, "%.1f MB/s", LARGE / 1e3 / through));
  }

  /** Milliseconds. */
  private static double get(HttpClient client, URI address) {
    long begin = System.nanoTime();
    try {
      HttpResponse<byte[]> answer =
          client.send(
              HttpRequest.newBuilder(address).timeout(PATIENCE).build(),
              HttpResponse.BodyHandlers.ofByteArray());
      if (answer.statusCode() != 200) {
        throw new IllegalStateException(address + " answered " + answer.statusCode());
      }
      return (System.nanoTime() - begin) / 1e6;
    } catch (IOException e) {
      throw new IllegalStateException(address + " failed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
