package dev.podflare.cli;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Tells how far a copy is, once a second if it takes that long. One thread. */
final class CopyProgress implements AutoCloseable {
  private static final long STEP = TimeUnit.SECONDS.toNanos(1);

  private final Optional<PrintWriter> out;
  private final long all;
  private final long began = System.nanoTime();
  private long told = began;
  private long bytes;
  private boolean said;

  /** {@code all}: bytes in all, -1 if that is not known. */
  CopyProgress(Optional<PrintWriter> out, long all) {
    this.out = out;
    this.all = all;
  }

  /** The same stream, counted. */
  InputStream count(InputStream in) {
    return new FilterInputStream(in) {
      @Override
      public int read() throws IOException {
        int octet = super.read();
        counted(octet < 0 ? 0 : 1);
        return octet;
      }

      @Override
      public int read(byte[] target, int offset, int length) throws IOException {
        int count = super.read(target, offset, length);
        counted(Math.max(0, count));
        return count;
      }
    };
  }

  private void counted(int count) {
    bytes += count;
    long now = System.nanoTime();
    if (now - told >= STEP) {
      told = now;
      tell();
    }
  }

  private void tell() {
    said = true;
    double seconds = (System.nanoTime() - began) / 1e9;
    String of = all > 0 ? String.format(Locale.ROOT, " of %.1f", all / 1e6) : "";
    out.ifPresent(it -> {
      it.printf(Locale.ROOT, "  %.1f%s MB, %.1f MB/s%n", bytes / 1e6, of, bytes / 1e6 / seconds);
      it.flush();
    });
  }

  @Override
  public void close() {
    if (said) {
      tell();
    }
  }
}
