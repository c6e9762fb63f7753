package dev.podflare.cli;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Tells how far a copy is, if it takes more than a second: on a terminal by a bar that is drawn
 * over itself, else by a line a second. One thread.
 */
final class CopyProgress implements AutoCloseable {
  private static final int WIDTH = 30;

  private final Optional<PrintWriter> out;
  private final boolean terminal;
  private final long all;
  private final long began = System.nanoTime();
  private final long step;
  private long told = began;
  private long bytes;
  private boolean said;

  /** {@code all}: bytes in all, -1 if that is not known. */
  CopyProgress(Optional<PrintWriter> out, long all) {
    this(out, all, Interaction.onTerminal());
  }

  CopyProgress(Optional<PrintWriter> out, long all, boolean terminal) {
    this.out = out;
    this.all = all;
    this.terminal = terminal;
    this.step = terminal ? TimeUnit.MILLISECONDS.toNanos(200) : TimeUnit.SECONDS.toNanos(1);
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
    if (now - told >= step && now - began >= TimeUnit.SECONDS.toNanos(1)) {
      told = now;
      tell();
    }
  }

  private void tell() {
    said = true;
    out.ifPresent(it -> {
      it.print(terminal ? "\r" + line() + "\u001b[K" : line() + System.lineSeparator());
      it.flush();
    });
  }

  /** As it is drawn now. */
  String line() {
    double seconds = Math.max(1e-3, (System.nanoTime() - began) / 1e9);
    String of = all > 0 ? String.format(Locale.ROOT, " of %.1f", all / 1e6) : "";
    String rate =
        String.format(Locale.ROOT, "%.1f%s MB, %.1f MB/s", bytes / 1e6, of, bytes / 1e6 / seconds);
    if (!terminal || all <= 0) {
      return "  " + rate;
    }
    double part = Math.min(1, (double) bytes / all);
    int full = (int) (part * WIDTH);
    return String.format(
        Locale.ROOT,
        "  [%s%s] %3d %%  %s",
        "#".repeat(full),
        " ".repeat(WIDTH - full),
        (int) (part * 100),
        rate);
  }

  @Override
  public void close() {
    if (said) {
      tell();
      if (terminal) {
        out.ifPresent(it -> {
          it.println();
          it.flush();
        });
      }
    }
  }
}
