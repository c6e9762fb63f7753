package dev.podflare.cli;

import dev.podflare.cli.BenchRow.Floor;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.engine.EngineProbe;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

/**
 * What a slot's filter, translation and resolver cost a guest: against a guest of the same template
 * in the same QEMU, whose slot was stripped to the bare tap. The two are asked in turn. One thread.
 */
final class SlotPathBench {
  private static final int ROUNDS = 9;
  private static final int BURSTS = 5;

  /** So that resolver and echo are as quick as those of a daemon that has run for a while. */
  private static final int WARM_UP_BURSTS = 15;

  private static final Duration APART = Duration.ofSeconds(1);
  private static final int PATIENCE_MILLIS = 60_000;

  /** Mean milliseconds, in bursts that the resolver takes from one guest. */
  private static final String ASK =
      """
      import socket, time
      def ask(address, port, payload):
          with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
              s.settimeout(5)
              s.connect((address, port))
              begin = time.perf_counter()
              for _ in range(50):
                  s.send(payload)
                  s.recv(2000)
              return (time.perf_counter() - begin) / 50 * 1000
      """;

  private final EngineProbe probe;
  private final Podflare podflare;
  private final SandboxOptions options;

  SlotPathBench(EngineProbe probe, Podflare podflare, SandboxOptions options) {
    this.probe = probe;
    this.podflare = podflare;
    this.options = options;
  }

  List<BenchRow> measure() {
    try (Sandbox ours = podflare.create(options);
        Sandbox other = podflare.create(options);
        BareTap tap = BareTap.strip(probe.slotNamespace(other.id()));
        BenchNameServer _ = BenchNameServer.start()) {
      for (Sandbox sandbox : List.of(ours, other)) {
        ForkBench.run(sandbox, PortsBench.SERVER);
        ForkBench.run(sandbox, ASK);
      }
      InetSocketAddress address = probe.portAddress(ours.id(), PortsBench.PORT);
      InetSocketAddress bareAddress = new InetSocketAddress(tap.guest(), PortsBench.PORT);
      return List.of(
          throughput(
              () -> connect(new Socket(), address),
              () -> tap.call(() -> connect(new Socket(), bareAddress))),
          names(ours, other, tap));
    } catch (IOException e) {
      throw new IllegalStateException("the bench's own servers failed", e);
    }
  }

  private static BenchRow throughput(Callable<Socket> through, Callable<Socket> bare) {
    double ignored = Math.min(megabytesPerSecond(through), megabytesPerSecond(bare)); // warm up
    List<Double> ours = new ArrayList<>();
    List<Double> floor = new ArrayList<>();
    for (int i = 0; i < ROUNDS; i++) {
      ours.add(megabytesPerSecond(through));
      floor.add(megabytesPerSecond(bare));
    }
    return BenchRow.atLeast(
        "throughput from guest to host",
        Statistics.of(ours).p50(),
        "MB/s",
        new Floor("through a bare tap", Statistics.of(floor).p50()),
        0.9,
        String.format(Locale.ROOT, "n=%d of 20 MB, without the limit of bandwidth", ROUNDS));
  }

  private static double megabytesPerSecond(Callable<Socket> connection) {
    long begin = System.nanoTime();
    try (Socket socket = connection.call()) {
      socket
          .getOutputStream()
          .write("GET /large HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      long bytes = PortsBench.drain(socket.getInputStream());
      if (bytes < PortsBench.LARGE) {
        throw new IllegalStateException("only " + bytes + " bytes came");
      }
      return bytes / 1e6 / ((System.nanoTime() - begin) / 1e9);
    } catch (Exception e) {
      throw new IllegalStateException("the guest's server failed", e);
    }
  }

  private static Socket connect(Socket socket, InetSocketAddress to) throws IOException {
    socket.setSoTimeout(PATIENCE_MILLIS);
    socket.connect(to, PATIENCE_MILLIS);
    return socket;
  }

  private static BenchRow names(Sandbox ours, Sandbox other, BareTap tap) throws IOException {
    String query = "bytes.fromhex('" + BenchNameServer.QUERY + "')";
    Inet4Address gateway = tap.gateway();
    try (UdpEcho echo = tap.call(() -> UdpEcho.open(gateway))) {
      echo.start();
      String resolver = "'" + gateway.getHostAddress() + "', 53, " + query;
      String bare = "'" + gateway.getHostAddress() + "', " + echo.port() + ", " + query;
      List<Double> answers = new ArrayList<>();
      List<Double> echoes = new ArrayList<>();
      for (int burst = -WARM_UP_BURSTS; burst < BURSTS; burst++) {
        double answer = asked(ours, resolver); // the first one fills the cache
        double bounced = asked(other, bare);
        if (burst >= 0) {
          answers.add(answer);
          echoes.add(bounced);
        }
        pause();
      }
      return BenchRow.bounded(
          "DNS answer from the cache in the guest",
          Statistics.of(answers).p50(),
          "ms",
          new Floor("UDP echo through a bare tap", Statistics.of(echoes).p50()),
          2,
          0,
          String.format(Locale.ROOT, "median of %d means of 50", BURSTS));
    }
  }

  private static void pause() {
    try {
      Thread.sleep(APART);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  private static double asked(Sandbox sandbox, String whom) {
    var result = sandbox.runCode("print(ask(" + whom + "))");
    if (result.exitCode() != 0) {
      throw new IllegalStateException("no answer: " + result.stderr());
    }
    return Double.parseDouble(result.stdout().strip());
  }
}
