package dev.podflare.qemu;

import java.nio.file.Path;
import java.util.List;

/**
 * A frozen machine: device state, own pages over a memory image, and the frozen disk layers above
 * the template's disk, lowest first. Memory and disk are of one instant and belong together always.
 *
 * @param deviceState what QEMU wrote; opaque
 * @param layers host files; kept alive by whoever holds the checkpoint
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Checkpoint(byte[] deviceState, OwnPages pages, List<Path> layers)
    implements AutoCloseable {
  public Checkpoint {
    layers = List.copyOf(layers);
  }

  /** For machines whose own image holds the pages already; these are freed here. */
  public Checkpoint withoutPages() {
    pages.close();
    return new Checkpoint(deviceState, OwnPages.none(), layers);
  }

  @Override
  public void close() {
    pages.close();
  }
}
