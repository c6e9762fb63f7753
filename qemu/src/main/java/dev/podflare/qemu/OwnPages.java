package dev.podflare.qemu;

import dev.podflare.linux.PageRun;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.List;

/**
 * The pages of a machine that differ from its memory image: held by this process, or read from
 * where they are at the moment that they are wanted. {@link #close} must come after the last use,
 * and may be repeated.
 */
public abstract sealed class OwnPages implements AutoCloseable
    permits HeldPages, StandingPages, StreamedPages {
  private final List<PageRun> runs;

  OwnPages(List<PageRun> runs) {
    this.runs = List.copyOf(runs);
  }

  /** Takes pages, in order; a run may come in several pieces. */
  public interface Sink {
    /** {@code bytes}: only until it returns. */
    void accept(long offset, ByteBuffer bytes) throws IOException;
  }

  /** Gives all bytes of the runs, in order. */
  public interface Source {
    void read(Sink sink) throws IOException;
  }

  /** No page differs: the state of a template's own checkpoint. */
  public static OwnPages none() {
    return streamed(List.of(), _ -> {});
  }

  /**
   * Pages that are kept elsewhere, and are read each time that they are used.
   *
   * @param runs places in guest memory, in order
   */
  public static OwnPages streamed(List<PageRun> runs, Source source) {
    return new StreamedPages(runs, source);
  }

  /** Places in guest memory, in order. */
  public final List<PageRun> runs() {
    return runs;
  }

  /** Bytes of all runs. */
  public final long size() {
    return runs.stream().mapToLong(PageRun::length).sum();
  }

  /** Gives all pages away. */
  public abstract void read(Sink sink) throws IOException;

  /** Writes them to the same places of another machine that maps the same image. */
  abstract void writeTo(long pid, long base) throws IOException;

  /** Writes them to their places in a file of guest memory. */
  final void writeTo(FileChannel memory) throws IOException {
    read((offset, bytes) -> {
      for (long at = offset; bytes.hasRemaining(); ) {
        at += memory.write(bytes, at);
      }
    });
  }

  @Override
  public abstract void close();
}
