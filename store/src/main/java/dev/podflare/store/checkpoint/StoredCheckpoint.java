package dev.podflare.store.checkpoint;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A checkpoint in the store. Thread-safe.
 *
 * <p>Reads verify every byte before they give it away. They may throw {@code CHECKPOINT_CORRUPT},
 * whose details say what is lost ({@code checkpoint}, {@code part}, {@code offset}, {@code length},
 * {@code chunk}); {@code CHECKPOINT_NOT_FOUND} when it was deleted meanwhile; and {@code
 * STORE_UNAVAILABLE}. What the sink was given before is right.
 */
public final class StoredCheckpoint {
  private final CheckpointManifest manifest;
  private final StoreParts store;

  StoredCheckpoint(CheckpointManifest manifest, StoreParts store) {
    this.manifest = manifest;
    this.store = store;
  }

  public String id() {
    return manifest.id();
  }

  /** To the millisecond. */
  public Instant createdAt() {
    return manifest.createdAt();
  }

  /** What {@link CheckpointWriter#commit} was given. */
  public String attributes() {
    return manifest.attributes();
  }

  /** In the order in which they were first written. */
  public Set<String> parts() {
    return manifest.parts().keySet();
  }

  /** Bytes from the part's start to its end, with what is absent. */
  public long size(String part) {
    return part(part).size();
  }

  /** Plain bytes that are present in all its parts. */
  public long ownBytes() {
    return manifest.parts().values().stream().mapToLong(CheckpointManifest.Part::ownBytes).sum();
  }

  /** Plain bytes that are present in the part. */
  public long ownBytes(String part) {
    return part(part).ownBytes();
  }

  /** Bytes that the store grew by for its chunks: those that it shared with nobody before. */
  public long addedBytes() {
    return manifest.addedBytes();
  }

  /** What is present of the part, ascending, without reading it. */
  public List<PartRange> runs(String part) {
    return part(part).windows().stream()
        .flatMap(window -> window.runs().stream())
        .map(run -> new PartRange(run.offset(), run.length()))
        .toList();
  }

  /**
   * The range that is read at once for the byte at {@code offset}: reading less of it costs as
   * much. Empty if nothing is present around it.
   */
  public Optional<PartRange> window(String part, long offset) {
    List<Window> windows = part(part).windows();
    int index = PartReader.firstAfter(windows, offset);
    return index < windows.size() && windows.get(index).offset() <= offset
        ? Optional.of(new PartRange(windows.get(index).offset(), windows.get(index).length()))
        : Optional.empty();
  }

  /** Reads the whole part, ahead of the sink by a bounded number of bytes. */
  public void read(String part, RunSink sink) {
    read(part, new PartRange(0, size(part)), sink);
  }

  /** Reads what is present in a range of the part. */
  public void read(String part, PartRange range, RunSink sink) {
    new PartReader(store, manifest.id(), part, part(part).windows()).read(range, sink);
  }

  private CheckpointManifest.Part part(String name) {
    CheckpointManifest.Part part = manifest.parts().get(name);
    if (part == null) {
      throw new IllegalArgumentException(
          "checkpoint " + id() + " has no part '" + name + "', but " + parts());
    }
    return part;
  }
}
