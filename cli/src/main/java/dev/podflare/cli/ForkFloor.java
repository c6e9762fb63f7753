package dev.podflare.cli;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.EngineProbe;
import dev.podflare.qemu.MemoryImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * The least that a fork has to do: for each child, side by side, a copy of so many bytes into fresh
 * memory and a restore of the template into stock QEMU by a script. One thread.
 */
final class ForkFloor implements AutoCloseable {
  private static final int BLOCK = 1 << 20;

  private final List<BareRestore> scripts = new ArrayList<>();

  ForkFloor(EngineProbe probe, int children) {
    for (int i = 0; i < children; i++) {
      scripts.add(new BareRestore(probe.restoreInput()));
    }
  }

  /** Milliseconds until the last one has both. */
  double once(long bytes) {
    try (ExecutorService executor = Executors.newFixedThreadPool(scripts.size())) {
      List<Future<Double>> children =
          scripts.stream()
              .map(script -> executor.submit(() -> copy(bytes) + script.once()))
              .toList();
      double slowest = 0;
      for (Future<Double> child : children) {
        slowest = Math.max(slowest, child.get());
      }
      return slowest;
    } catch (ExecutionException e) {
      throw new IllegalStateException("a bare restore failed", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  private static double copy(long bytes) {
    ByteBuffer block = ByteBuffer.allocateDirect(BLOCK);
    try (MemoryImage target = MemoryImage.create(new DataSize(Math.max(bytes, BLOCK)));
        FileChannel channel = FileChannel.open(target.path(), StandardOpenOption.WRITE)) {
      long begin = System.nanoTime();
      for (long done = 0; done < bytes; done += block.limit()) {
        block.clear().limit((int) Math.min(BLOCK, bytes - done));
        channel.write(block, done);
      }
      return (System.nanoTime() - begin) / 1e6;
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot copy memory", e);
    }
  }

  @Override
  public void close() {
    scripts.forEach(BareRestore::close);
  }
}
