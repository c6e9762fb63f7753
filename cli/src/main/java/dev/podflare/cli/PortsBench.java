package dev.podflare.cli;

import dev.podflare.cli.BenchRow.Floor;
import dev.podflare.client.Sandbox;
import dev.podflare.engine.EngineProbe;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What the way through the server costs a request to a guest's port, against one that goes straight
 * to the guest. Both bring a connection of their own. One thread.
 */
final class PortsBench {
  static final int PORT = 8000;
  private static final int ROUNDS = 40;
  static final int LARGE = 20_000_000;
  private static final int LARGE_ROUNDS = 5;
  private static final int WARM_UP = 20;
  private static final int PATIENCE_MILLIS = 60_000;

  /** Serves something small, and something large. */
  static final String SERVER =
      """
      import http.server, threading
      LARGE = bytes(20_000_000)
      class Handler(http.server.BaseHTTPRequestHandler):
          protocol_version = "HTTP/1.1"
          wbufsize = -1  # head and body in one piece, as servers do that are made for speed
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
    URI proxied = sandbox.portUrl(PORT);
    String token = sandbox.portLink(PORT, Duration.ofHours(1)).token();
    Way straight = new Way(probe.portAddress(sandbox.id(), PORT), "/", "X-None: 0");
    Way through =
        new Way(
            new InetSocketAddress(proxied.getHost(), proxied.getPort()),
            proxied.getRawPath(),
            "Cookie: pf_port=" + token);
    return List.of(requests(straight, through), throughput(straight, through));
  }

  private static BenchRow requests(Way direct, Way proxied) {
    List<Double> straight = new ArrayList<>();
    List<Double> through = new ArrayList<>();
    for (int i = 0; i < WARM_UP; i++) {
      double ignored = direct.get("") + proxied.get("");
    }
    for (int i = 0; i < ROUNDS; i++) {
      straight.add(direct.get(""));
      through.add(proxied.get(""));
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

  private static BenchRow throughput(Way direct, Way proxied) {
    double ignored = direct.get("large") + proxied.get("large"); // warm up
    List<Double> straights = new ArrayList<>();
    List<Double> throughs = new ArrayList<>();
    for (int i = 0; i < LARGE_ROUNDS; i++) {
      straights.add(direct.get("large"));
      throughs.add(proxied.get("large"));
    }
    double straight = Statistics.of(straights).p50();
    double through = Statistics.of(throughs).p50();
    return BenchRow.bounded(
        "20 MB from a guest's port",
        through,
        "ms",
        new Floor("straight to the guest", straight),
        1.5,
        0,
        String.format(Locale.ROOT, "n=%d, %.1f MB/s", LARGE_ROUNDS, LARGE / 1e3 / through));
  }

  /**
   * A way to the guest's server, with a connection for each request.
   *
   * @param header that opens it
   */
  private record Way(InetSocketAddress address, String root, String header) {
    /** Milliseconds until the whole answer is there. */
    double get(String path) {
      String request =
          "GET %s%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n\r\n"
              .formatted(root, path, header);
      long begin = System.nanoTime();
      try (Socket socket = new Socket()) {
        socket.setSoTimeout(PATIENCE_MILLIS);
        socket.setTcpNoDelay(true);
        socket.connect(address, PATIENCE_MILLIS);
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        InputStream in = socket.getInputStream();
        String status = new String(in.readNBytes(12), StandardCharsets.US_ASCII);
        long bytes = drain(in);
        if (!status.equals("HTTP/1.1 200") || (path.equals("large") && bytes < LARGE)) {
          throw new IllegalStateException(address + " answered " + status + ", " + bytes);
        }
      } catch (IOException e) {
        throw new IllegalStateException(address + " failed", e);
      }
      return (System.nanoTime() - begin) / 1e6;
    }
  }

  /** Reads to the end and counts. */
  static long drain(InputStream in) throws IOException {
    byte[] buffer = new byte[1 << 18];
    long all = 0;
    for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
      all += read;
    }
    return all;
  }
}
