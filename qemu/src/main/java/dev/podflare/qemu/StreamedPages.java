package dev.podflare.qemu;

import dev.podflare.linux.PageRun;
import java.io.IOException;
import java.util.List;

/** Pages that are kept elsewhere. */
final class StreamedPages extends OwnPages {
  private final Source source;

  StreamedPages(List<PageRun> runs, Source source) {
    super(runs);
    this.source = source;
  }

  @Override
  public void read(Sink sink) throws IOException {
    source.read(sink);
  }

  @Override
  void writeTo(long pid, long base) throws IOException {
    PageWriter.write(source, pid, base);
  }

  @Override
  public void close() {
    // Nothing is held.
  }
}
