package dev.podflare.linux;

/**
 * A run of bytes, page-aligned.
 *
 * @param offset bytes from the start of the mapping or file
 * @param length bytes
 */
public record PageRun(long offset, long length) {
  public long end() {
    return offset + length;
  }
}
