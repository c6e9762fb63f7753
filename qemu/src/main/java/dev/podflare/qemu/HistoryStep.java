package dev.podflare.qemu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A machine at one moment, of whose memory only that is copied in which it differs from the newest
 * moment of a {@link MemoryHistory}. The machine can go on before it is {@link #keep}ed. One
 * thread.
 */
public final class HistoryStep implements AutoCloseable {
  private static final String DEVICES = "devices";
  private static final String OWN = "own";

  private final MemoryHistory history;
  private final MemoryHistory.Capture pages;
  private final byte[] deviceState;
  private final List<Path> layers;

  HistoryStep(
      MemoryHistory history, MemoryHistory.Capture pages, byte[] deviceState, List<Path> layers) {
    this.history = history;
    this.pages = pages;
    this.deviceState = deviceState;
    this.layers = List.copyOf(layers);
  }

  /** Frozen layers of its disk, lowest first, in the folder that was named for them. */
  public List<Path> layers() {
    return layers;
  }

  /**
   * Makes it the newest moment of the history; the caller writes down that there is one afterwards.
   *
   * @param folder gets its device state and its list of own pages
   * @param before gets what the moment before had; empty: there is none
   * @return bytes that were kept of the moment before
   */
  public long keep(Path folder, Optional<Path> before) throws IOException {
    Files.write(folder.resolve(DEVICES), deviceState);
    MemoryHistory.writeOwn(folder.resolve(OWN), pages.own());
    return history.keep(pages, before);
  }

  /** What {@link #keep} wrote, as a history that is opened again needs it. */
  public static void tell(MemoryHistory history, Path folder) throws IOException {
    history.knows(MemoryHistory.readOwn(folder.resolve(OWN)));
  }

  /**
   * A moment, to be restored.
   *
   * @param folder that it was kept in
   * @param before see {@link MemoryHistory#at}
   * @param layers of its disk, lowest first
   */
  public static Checkpoint checkpoint(
      MemoryHistory history, Path folder, List<Path> before, List<Path> layers) throws IOException {
    byte[] devices = Files.readAllBytes(folder.resolve(DEVICES));
    return new Checkpoint(
        devices, history.at(MemoryHistory.readOwn(folder.resolve(OWN)), before), layers);
  }

  @Override
  public void close() {
    pages.close();
  }
}
