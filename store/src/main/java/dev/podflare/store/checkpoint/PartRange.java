package dev.podflare.store.checkpoint;

/** Bytes of a part, from {@code offset} on. */
public record PartRange(long offset, long length) {
  public PartRange {
    if (offset < 0 || length < 0 || offset + length < 0) {
      throw new IllegalArgumentException("no range: " + offset + " + " + length);
    }
  }

  /** First offset after it. */
  public long end() {
    return offset + length;
  }
}
