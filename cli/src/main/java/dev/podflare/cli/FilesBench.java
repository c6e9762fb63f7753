package dev.podflare.cli;

import dev.podflare.cli.BenchRow.Floor;
import dev.podflare.client.FileWriteOptions;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxFiles;
import dev.podflare.client.SandboxOptions;
import dev.podflare.engine.EngineProbe;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/** Files into a sandbox and out of it, and what a transfer does to a call beside it. One thread. */
final class FilesBench {
  private static final int FEW = 100;
  private static final int MANY = 1000;
  private static final int SMALL = 1000;
  private static final int CALLS = 100;
  private static final int WARM_UP = 20;
  private static final String BIG = "/root/bench-big";

  private final EngineProbe probe;
  private final Podflare podflare;
  private final SandboxOptions options;
  private final long bytes;

  /** {@code bytes}: of the large file. */
  FilesBench(EngineProbe probe, Podflare podflare, SandboxOptions options, long bytes) {
    this.probe = probe;
    this.podflare = podflare;
    this.options = options;
    this.bytes = bytes;
  }

  List<BenchRow> measure(Consumer<String> progress) {
    List<BenchRow> rows = new ArrayList<>();
    try (Sandbox sandbox = podflare.create(options)) {
      for (int i = 0; i < WARM_UP; i++) {
        double ignored = call(sandbox);
      }
      progress.accept("a large file");
      rows.addAll(large(sandbox));
      progress.accept(MANY + " small files");
      rows.add(small(sandbox.files()));
      progress.accept("calls beside a transfer");
      rows.add(beside(sandbox));
    } catch (IOException broken) {
      throw new IllegalStateException("a transfer broke off", broken);
    }
    return rows;
  }

  private List<BenchRow> large(Sandbox sandbox) throws IOException {
    Floor floor = new Floor("bare channel", EngineBench.bareThroughput(probe, sandbox.id()));
    SandboxFiles files = sandbox.files();
    long began = System.nanoTime();
    var ignored = files.write(BIG, () -> new Noise(bytes), FileWriteOptions.DEFAULTS);
    double up = bytes / 1e6 / ((System.nanoTime() - began) / 1e9);
    began = System.nanoTime();
    long came = drain(files);
    double down = came / 1e6 / ((System.nanoTime() - began) / 1e9);
    if (came != bytes) {
      throw new IllegalStateException("of " + bytes + " bytes came " + came);
    }
    String note = bytes / 1_000_000 + " MB over HTTP";
    return List.of(
        BenchRow.atLeast("upload of a file", up, "MB/s", floor, 0.7, note),
        BenchRow.atLeast("download of a file", down, "MB/s", floor, 0.7, note));
  }

  private static long drain(SandboxFiles files) throws IOException {
    try (InputStream in = files.read(BIG)) {
      return PortsBench.drain(in);
    }
  }

  private static BenchRow small(SandboxFiles files) throws IOException {
    byte[] content = new byte[SMALL];
    new Noise(SMALL).readNBytes(content, 0, SMALL);
    byte[] tar = tar(content);
    var warm = files.unpack("/root/bench-warm", () -> new ByteArrayInputStream(tar), false);
    long began = System.nanoTime();
    for (int i = 0; i < FEW; i++) {
      var ignored = files.write("/root/bench-one/" + i, content);
    }
    double single = (System.nanoTime() - began) / 1e6 * MANY / FEW;
    began = System.nanoTime();
    var ignored = files.unpack("/root/bench-all", () -> new ByteArrayInputStream(tar), false);
    double all = (System.nanoTime() - began) / 1e6;
    if (warm.entries() != MANY) {
      throw new IllegalStateException("of " + MANY + " files came " + warm.entries());
    }
    return BenchRow.bounded(
        MANY + " small files by archive",
        all,
        "ms",
        new Floor("one by one", single),
        0.05,
        0,
        "of 1 kB each; one by one reckoned from " + FEW);
  }

  private BenchRow beside(Sandbox sandbox) throws IOException {
    double idle = calls(sandbox).p50();
    AtomicBoolean ended = new AtomicBoolean();
    Thread transfer =
        Thread.ofVirtual()
            .start(() -> {
              try {
                while (!ended.get()) {
                  long ignored = drain(sandbox.files());
                }
              } catch (IOException broken) {
                throw new IllegalStateException(broken);
              }
            });
    Statistics busy = calls(sandbox);
    ended.set(true);
    try {
      transfer.join();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    return BenchRow.bounded(
        "print(1) while a file is read, p50",
        busy.p50(),
        "ms",
        new Floor("idle", idle),
        2,
        0,
        String.format(Locale.ROOT, "n=%d, p95 %.1f ms", CALLS, busy.p95()));
  }

  private static Statistics calls(Sandbox sandbox) {
    List<Double> millis = new ArrayList<>();
    for (int i = 0; i < CALLS; i++) {
      millis.add(call(sandbox));
    }
    return Statistics.of(millis);
  }

  private static double call(Sandbox sandbox) {
    long began = System.nanoTime();
    if (!sandbox.runCode("print(1)").stdout().equals("1\n")) {
      throw new IllegalStateException("print(1) printed something else");
    }
    return (System.nanoTime() - began) / 1e6;
  }

  /** An archive of {@link #MANY} files with this content. */
  private static byte[] tar(byte[] content) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int i = 0; i < MANY; i++) {
      byte[] head = new byte[512];
      put(head, 0, "folder/" + i);
      put(head, 100, "0000644");
      put(head, 124, String.format(Locale.ROOT, "%011o", content.length));
      put(head, 136, "00000000000");
      put(head, 148, "        ");
      head[156] = '0';
      int sum = 0;
      for (byte each : head) {
        sum += each & 0xff;
      }
      put(head, 148, String.format(Locale.ROOT, "%06o", sum) + "\0 ");
      all.writeBytes(head);
      all.writeBytes(Arrays.copyOf(content, Math.ceilDiv(content.length, 512) * 512));
    }
    all.writeBytes(new byte[1024]);
    return all.toByteArray();
  }

  private static void put(byte[] block, int offset, String text) {
    byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(ascii, 0, block, offset, ascii.length);
  }

  /** Bytes that are no zeros, quickly made. One thread. */
  private static final class Noise extends InputStream {
    private long left;

    Noise(long bytes) {
      left = bytes;
    }

    @Override
    public int read() {
      return left-- > 0 ? 1 : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
      if (left <= 0) {
        return -1;
      }
      int count = (int) Math.min(left, length);
      Arrays.fill(target, offset, offset + count, (byte) (left | 1));
      left -= count;
      return count;
    }
  }
}
