package dev.podflare.cli;

import dev.podflare.cli.BenchRow.Floor;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.Terminal;
import dev.podflare.client.TerminalConnection;
import dev.podflare.client.TerminalListener;
import dev.podflare.client.TerminalOptions;
import dev.podflare.engine.EngineProbe;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** What a key costs until it is seen, and how fast a flood is shown. One thread. */
final class TerminalBench {
  private static final int ROUNDS = 200;
  private static final int WARM_UP = 100;
  private static final int PAUSE_MILLIS = 5;
  private static final int FLOOD = 20_000_000;
  private static final byte[] KEY = {'x'};
  private static final byte[] ENTER = {'\n'};

  private final EngineProbe probe;
  private final Podflare podflare;
  private final SandboxOptions options;

  TerminalBench(EngineProbe probe, Podflare podflare, SandboxOptions options) {
    this.probe = probe;
    this.podflare = podflare;
    this.options = options;
  }

  List<BenchRow> measure(Consumer<String> progress) {
    progress.accept("keys and a flood in a terminal");
    try (Sandbox sandbox = podflare.create(options)) {
      return List.of(keys(sandbox), flood(sandbox));
    }
  }

  /** Hears of output; a permit for each piece. */
  private static final class Screen implements TerminalListener {
    private final Semaphore said = new Semaphore(0);
    private long bytes;

    @Override
    public synchronized void output(byte[] more) {
      bytes += more.length;
      said.release();
    }

    @Override
    public synchronized void skipped(long missed) {
      bytes += missed;
    }

    synchronized long bytes() {
      return bytes;
    }

    void await() throws InterruptedException {
      if (!said.tryAcquire(10, TimeUnit.SECONDS)) {
        throw new IllegalStateException("a key was not seen within 10 s");
      }
    }
  }

  /** The kernel's own echo of a terminal on which a program reads. */
  private BenchRow keys(Sandbox sandbox) {
    Terminal terminal = sandbox.openTerminal(TerminalOptions.shell().withArgv(List.of("cat")));
    Screen screen = new Screen();
    List<Double> keys = new ArrayList<>();
    List<Double> echo = new ArrayList<>();
    try (TerminalConnection connection = terminal.connect(screen)) {
      for (int i = 0; i < WARM_UP + ROUNDS; i++) {
        Thread.sleep(PAUSE_MILLIS); // as fast as nobody types
        long began = System.nanoTime();
        connection.send(KEY);
        screen.await();
        double key = (System.nanoTime() - began) / 1e6;
        Thread.sleep(PAUSE_MILLIS);
        double ping = probe.ping(sandbox.id(), 1).toNanos() / 1e6;
        if (i >= WARM_UP) {
          keys.add(key);
          echo.add(ping);
        }
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", stopped);
    } finally {
      terminal.kill();
    }
    Statistics ours = Statistics.of(keys);
    return BenchRow.bounded(
        "key to its echo in a terminal, p50",
        ours.p50(),
        "ms",
        new Floor("bare echo", Statistics.of(echo).p50()),
        2,
        0,
        String.format(Locale.ROOT, "over WebSocket, n=%d, p95 %.1f ms", ROUNDS, ours.p95()));
  }

  private static BenchRow flood(Sandbox sandbox) {
    Terminal terminal =
        sandbox.openTerminal(
            TerminalOptions.command("read go; stty -opost; head -c " + FLOOD + " /dev/zero"));
    Screen screen = new Screen();
    long began = System.nanoTime();
    try (TerminalConnection connection = terminal.connect(screen)) {
      connection.send(ENTER);
      if (connection.await().isEmpty() || screen.bytes() < FLOOD) {
        throw new IllegalStateException("of " + FLOOD + " bytes came " + screen.bytes());
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", stopped);
    }
    double seconds = (System.nanoTime() - began) / 1e9;
    return BenchRow.reported(
        "output of a terminal", FLOOD / 1e6 / seconds, "MB/s", "20 MB to one viewer");
  }
}
