package dev.podflare.cli;

import dev.podflare.cli.BenchRow.Floor;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SnapshotInfo;
import dev.podflare.client.SnapshotOptions;
import dev.podflare.client.SpaceInfo;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/** The rows about sandboxes that stand still, are frozen, saved and come back. One thread. */
final class SpaceBench {
  private static final int ROUNDS = 10;
  private static final int NEIGHBOURS = 8;
  private static final int NEIGHBOURS_CALLS = 60;

  /** Bytes of its own that a sandbox has, besides what every one has. */
  private static final String WORK =
      "import os\nwork = bytearray(os.urandom(%d))".formatted(6_000_000);

  private static final String LITTLE_CHANGE = "work[:100_000] = os.urandom(100_000)";

  private final Podflare podflare;
  private final SandboxOptions options;
  private final Path data;

  /** {@code data}: folder on the file system that the checkpoint store is on. */
  SpaceBench(Podflare podflare, SandboxOptions options, Path data) {
    this.podflare = podflare;
    SandboxOptions.Builder builder = SandboxOptions.builder().autoResume(true);
    options.template().ifPresent(builder::template);
    this.options = builder.build();
    this.data = data;
  }

  List<BenchRow> measure(Consumer<String> progress) {
    List<BenchRow> rows = new ArrayList<>();
    try (Sandbox sandbox = podflare.create(options)) {
      run(sandbox, WORK);
      progress.accept("pauses and wakes");
      rows.add(wake(sandbox));
      progress.accept("freezes and thaws");
      freezes(sandbox, rows);
      progress.accept("two snapshots");
      rows.add(secondSnapshot(sandbox));
      progress.accept("freezes beside " + NEIGHBOURS + " that work");
      rows.add(neighbours(sandbox));
    }
    return rows;
  }

  private static BenchRow wake(Sandbox sandbox) {
    List<Double> hot = new ArrayList<>();
    List<Double> woken = new ArrayList<>();
    for (int i = 0; i < ROUNDS; i++) {
      hot.add(timed(() -> run(sandbox, "print(1)")));
      sandbox.pause();
      woken.add(timed(() -> run(sandbox, "print(1)")));
    }
    Statistics wake = Statistics.of(woken);
    return BenchRow.bounded(
        "wake of a paused sandbox to its first output, p50",
        wake.p50(),
        "ms",
        new Floor("hot exec p50", Statistics.of(hot).p50()),
        1,
        5,
        spread(wake));
  }

  private void freezes(Sandbox sandbox, List<BenchRow> rows) {
    List<Double> frozen = new ArrayList<>();
    List<Double> thawed = new ArrayList<>();
    List<Double> copies = new ArrayList<>();
    long bytes = 0;
    for (int i = 0; i < ROUNDS; i++) {
      run(sandbox, WORK); // all of it is new to the store
      long begin = System.nanoTime();
      SpaceInfo space = sandbox.freeze();
      frozen.add((System.nanoTime() - begin) / 1e6);
      bytes = space.ownBytes();
      copies.add(copy(bytes));
      thawed.add(timed(() -> run(sandbox, "print(1)")));
    }
    String own = String.format(Locale.ROOT, "%.1f MB own; ", bytes / 1e6);
    Statistics freeze = Statistics.of(frozen);
    rows.add(
        BenchRow.bounded(
            "freeze until durable, p50",
            freeze.p50(),
            "ms",
            new Floor("write + fsync of as much", Statistics.of(copies).p50()),
            3,
            0,
            own + spread(freeze)));
    Statistics thaw = Statistics.of(thawed);
    rows.add(
        BenchRow.limited(
            "thaw to the first output, p50", thaw.p50(), "ms", 100, own + spread(thaw)));
  }

  private double copy(long bytes) {
    Path file = data.resolve("bench-copy");
    byte[] block = new byte[1 << 20];
    new Random(1).nextBytes(block);
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      long begin = System.nanoTime();
      for (long done = 0; done < bytes; done += block.length) {
        ByteBuffer piece = ByteBuffer.wrap(block, 0, (int) Math.min(block.length, bytes - done));
        while (piece.hasRemaining()) {
          out.write(piece);
        }
      }
      out.force(true);
      return (System.nanoTime() - begin) / 1e6;
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot write " + file, e);
    } finally {
      try {
        Files.deleteIfExists(file);
      } catch (IOException left) {
        // In a folder of the bench's own.
      }
    }
  }

  private BenchRow secondSnapshot(Sandbox sandbox) {
    SnapshotInfo first = sandbox.snapshot(SnapshotOptions.UNNAMED);
    run(sandbox, LITTLE_CHANGE);
    SnapshotInfo second = sandbox.snapshot(SnapshotOptions.UNNAMED);
    podflare.snapshots().delete(first.id());
    podflare.snapshots().delete(second.id());
    return BenchRow.bounded(
        "stored by a second snapshot after little change",
        second.storedBytes() / 1e6,
        "MB",
        new Floor("its own pages", second.ownBytes() / 1e6),
        1.2,
        0,
        String.format(Locale.ROOT, "the first stored %.2f MB", first.storedBytes() / 1e6));
  }

  /** How much a freeze beside them is felt by those that work. */
  private BenchRow neighbours(Sandbox frozen) {
    List<Sandbox> working = new ArrayList<>();
    try {
      for (int i = 0; i < NEIGHBOURS; i++) {
        working.add(podflare.create(options));
      }
      Statistics alone = calls(working);
      AtomicBoolean enough = new AtomicBoolean();
      Statistics beside;
      try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
        Future<?> freezing =
            executor.submit(() -> {
              while (!enough.get()) {
                run(frozen, WORK);
                SpaceInfo ignored = frozen.freeze();
              }
            });
        beside = calls(working);
        enough.set(true);
        freezing.get();
      }
      return BenchRow.bounded(
          "exec p95 beside freezes without end",
          beside.p95(),
          "ms",
          new Floor("without", alone.p95()),
          2,
          0,
          NEIGHBOURS + " sandboxes at once; " + spread(beside));
    } catch (ExecutionException e) {
      throw new IllegalStateException("a freeze failed", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } finally {
      working.forEach(Sandbox::close);
    }
  }

  private static Statistics calls(List<Sandbox> working)
      throws ExecutionException, InterruptedException {
    List<Double> all = new ArrayList<>();
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<List<Double>>> each =
          working.stream()
              .map(sandbox ->
                  executor.submit(() -> {
                    List<Double> times = new ArrayList<>();
                    for (int i = 0; i < NEIGHBOURS_CALLS; i++) {
                      times.add(timed(() -> run(sandbox, "print(1)")));
                    }
                    return times;
                  }))
              .toList();
      for (Future<List<Double>> one : each) {
        all.addAll(one.get());
      }
    }
    return Statistics.of(all);
  }

  private static double timed(Runnable action) {
    long begin = System.nanoTime();
    action.run();
    return (System.nanoTime() - begin) / 1e6;
  }

  private static void run(Sandbox sandbox, String code) {
    RunResult result = sandbox.runCode(code);
    if (result.exitCode() != 0) {
      throw new IllegalStateException(code + " failed: " + result.stderr());
    }
  }

  private static String spread(Statistics it) {
    return String.format(
        Locale.ROOT, "n=%d, min %.1f, p95 %.1f ms", it.count(), it.min(), it.p95());
  }
}
