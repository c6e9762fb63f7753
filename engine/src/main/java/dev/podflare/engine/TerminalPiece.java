package dev.podflare.engine;

/**
 * Output of a terminal.
 *
 * @param from number of its first byte; a terminal's bytes are counted from 0
 * @param skipped bytes before it that are not kept any more and were not handed out
 */
@SuppressWarnings("ArrayRecordComponent") // written, never compared
public record TerminalPiece(long from, byte[] bytes, long skipped) {
  /** Number of the byte that comes next. */
  public long next() {
    return from + bytes.length;
  }
}
