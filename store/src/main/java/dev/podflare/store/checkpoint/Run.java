package dev.podflare.store.checkpoint;

/**
 * Bytes of a part that are present, without a gap.
 *
 * @param zero they are all zero, and stored nowhere
 */
record Run(long offset, long length, boolean zero) {
  long end() {
    return offset + length;
  }
}
