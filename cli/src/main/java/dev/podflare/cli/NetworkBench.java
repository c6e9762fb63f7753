package dev.podflare.cli;

import dev.podflare.cli.BenchRow.Floor;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.engine.EngineProbe;
import dev.podflare.network.FreeRange;
import dev.podflare.network.Network;
import dev.podflare.network.NetworkConfig;
import dev.podflare.network.Slot;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/** The rows about guests' networks. Nothing is sent to the outside. One thread. */
final class NetworkBench {
  private static final int ROUNDS = 50;
  private static final int WARM_UP = 600;
  private static final int SLOTS = 20;
  private static final String INSTANCE = "be7c0000"; // of no daemon

  /** Of documentation, RFC 5737: the policy refuses it on the host. */
  private static final String REFUSED = "192.0.2.9";

  /** Mean milliseconds; a guest's clock may have steps of some milliseconds. */
  private static final String CONNECT =
      """
      import socket, time
      def refused(address):
          begin = time.perf_counter()
          for _ in range(50):
              try:
                  socket.create_connection((address, 9), 5).close()
                  raise RuntimeError('somebody listens')
              except ConnectionRefusedError:
                  pass
          return (time.perf_counter() - begin) / 50 * 1000
      """;

  private final EngineProbe probe;
  private final Podflare podflare;
  private final SandboxOptions options;

  NetworkBench(EngineProbe probe, Podflare podflare, SandboxOptions options) {
    this.probe = probe;
    this.podflare = podflare;
    this.options = options;
  }

  List<BenchRow> measure(Consumer<String> progress) {
    List<BenchRow> rows = new ArrayList<>();
    progress.accept("requests to a guest's port; changes of network policy, refused connections");
    try (Sandbox sandbox = podflare.create(options)) {
      rows.addAll(new PortsBench(probe).measure(sandbox));
      ForkBench.run(sandbox, CONNECT + "refused('127.0.0.1')");
      changes(rows, sandbox);
      refusals(rows, sandbox);
    }
    progress.accept("a guest's way through its slot, and through a bare tap");
    rows.addAll(new SlotPathBench(probe, podflare, options).measure());
    progress.accept(SLOTS + " slots made");
    rows.add(slots());
    return rows;
  }

  private static void changes(List<BenchRow> rows, Sandbox sandbox) {
    List<Double> millis = new ArrayList<>();
    List<Double> reads = new ArrayList<>();
    for (int i = -WARM_UP; i < ROUNDS; i++) {
      NetworkPolicy next =
          i % 2 == 0 ? NetworkPolicy.only(List.of("203.0.113.0/24:443")) : NetworkPolicy.open();
      double change = millis(() -> sandbox.setNetwork(next));
      double read = millis(sandbox::info);
      if (i >= 0) {
        millis.add(change);
        reads.add(read);
      }
    }
    Statistics change = Statistics.of(millis);
    rows.add(
        BenchRow.limited(
            "change of network policy over HTTP, p50",
            change.p50(),
            "ms",
            3,
            String.format(
                Locale.ROOT,
                "n=%d, p95 %.1f ms; reading the sandbox %.1f ms",
                ROUNDS,
                change.p95(),
                Statistics.of(reads).p50())));
  }

  private static double millis(Runnable call) {
    long begin = System.nanoTime();
    call.run();
    return (System.nanoTime() - begin) / 1e6;
  }

  private static void refusals(List<BenchRow> rows, Sandbox sandbox) {
    sandbox.setNetwork(NetworkPolicy.shut());
    double loopback = measured(sandbox, "127.0.0.1");
    double refused = measured(sandbox, REFUSED);
    rows.add(
        BenchRow.bounded(
            "refused connection in the guest, mean",
            refused,
            "ms",
            new Floor("refused by loopback", loopback),
            1,
            5,
            "n=50"));
  }

  private static double measured(Sandbox sandbox, String address) {
    return Double.parseDouble(
        sandbox.runCode("print(refused('" + address + "'))").stdout().strip());
  }

  private static BenchRow slots() {
    NetworkConfig config = NetworkConfig.defaults().withRange(FreeRange.find(Optional.empty()));
    try (Network network = Network.open(config, INSTANCE)) {
      network.makeSlot().close(); // its first one loads classes
      long before = cpuNanos();
      List<Slot> slots = new ArrayList<>();
      for (int i = 0; i < SLOTS; i++) {
        slots.add(network.makeSlot());
      }
      double millis = (cpuNanos() - before) / 1e6 / SLOTS;
      slots.forEach(Slot::close);
      return BenchRow.limited(
          "refill of one network slot, CPU", millis, "ms", 20, "no process is started");
    }
  }

  /** Of this process, all threads. */
  private static long cpuNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }
}
