package dev.podflare.store.checkpoint;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Cuts the runs of one part into {@link Window}s, which depend on nothing but those runs, so that
 * equal memory gives equal chunks. Holds at most the bytes of one chunk. One thread.
 *
 * <p>The idea: a part is a row of regions of 8 MiB. A region with at most 256 KiB of bytes is one
 * window; one with more is halved, and so on down to 256 KiB. So pages that are scattered make few
 * chunks, and dense ones make chunks that a small change hardly touches. It is done in one pass:
 * {@code node} is the window that is being filled, and is halved when it has too much.
 */
final class WindowCutter {
  /** Takes finished windows; their chunk is not known yet. */
  interface Sink {
    /** {@code data}: bytes of the chunk; empty if all runs are zero. */
    void accept(Window window, byte[] data);
  }

  private static final int BLOCK = 4096;
  private static final byte[] ZEROS = new byte[BLOCK];

  private final Sink sink;
  private long nodeOffset;
  private long nodeLength = Window.MAX;
  private List<Run> runs = new ArrayList<>();
  private final byte[] data = new byte[Window.MAX_DATA];
  private int dataLength;
  private final ByteBuffer partial = ByteBuffer.allocate(BLOCK);
  private long end;
  private long ownBytes;

  WindowCutter(Sink sink) {
    this.sink = sink;
  }

  /** First offset that may be written next. */
  long end() {
    return end;
  }

  /** Bytes written so far. */
  long ownBytes() {
    return ownBytes;
  }

  /** {@code offset}: not before {@link #end}. */
  void write(long offset, ByteBuffer bytes) {
    if (offset != end) {
      addPartial();
    }
    end = offset;
    while (bytes.hasRemaining()) {
      int length = (int) Math.min(bytes.remaining(), BLOCK - end % BLOCK);
      ByteBuffer piece = bytes.slice(bytes.position(), length);
      bytes.position(bytes.position() + length);
      end += length;
      if (length == BLOCK) {
        add(end - BLOCK, piece);
      } else {
        collect(piece);
      }
    }
  }

  void finish() {
    addPartial();
    cut(nodeOffset + nodeLength);
  }

  /** A block that comes in several writes must make the same runs as one that comes at once. */
  private void collect(ByteBuffer piece) {
    partial.put(piece);
    if (end % BLOCK == 0) {
      addPartial();
    }
  }

  private void addPartial() {
    partial.flip();
    if (partial.hasRemaining()) {
      add(end - partial.remaining(), partial);
    }
    partial.clear();
  }

  private void add(long offset, ByteBuffer block) {
    int length = block.remaining();
    boolean zero = length == BLOCK && block.equals(ByteBuffer.wrap(ZEROS));
    moveTo(offset);
    if (!zero) {
      while (dataLength + length > Window.MAX_DATA) {
        halve(offset);
      }
      block.get(data, dataLength, length);
      dataLength += length;
    }
    addRun(new Run(offset, length, zero));
    ownBytes += length;
  }

  private void addRun(Run run) {
    Run last = runs.isEmpty() ? null : runs.getLast();
    if (last != null && last.end() == run.offset() && last.zero() == run.zero()) {
      runs.set(runs.size() - 1, new Run(last.offset(), last.length() + run.length(), run.zero()));
    } else {
      runs.add(run);
    }
  }

  /** Makes {@code node} the one that has the offset. */
  private void moveTo(long offset) {
    while (offset >= nodeOffset + nodeLength) {
      cut(nodeOffset + nodeLength);
      long region = offset - offset % Window.MAX;
      nodeOffset = Math.max(region, nodeOffset + nodeLength);
      // The largest node that begins here; what it is a half of has been halved already.
      nodeLength = nodeOffset == region ? Window.MAX : Long.lowestOneBit(nodeOffset);
    }
  }

  /** There is too much for one chunk with what comes at {@code next}. */
  private void halve(long next) {
    nodeLength /= 2;
    long middle = nodeOffset + nodeLength;
    if (next >= middle) {
      cut(middle);
      nodeOffset = middle;
    }
  }

  /** Gives away what is before {@code limit}, as a window from {@code nodeOffset} on. */
  private void cut(long limit) {
    List<Run> before = new ArrayList<>();
    List<Run> after = new ArrayList<>();
    for (Run run : runs) {
      long inside = Math.clamp(limit - run.offset(), 0, run.length());
      if (inside > 0) {
        before.add(new Run(run.offset(), inside, run.zero()));
      }
      if (inside < run.length()) {
        after.add(new Run(run.offset() + inside, run.length() - inside, run.zero()));
      }
    }
    runs = after;
    if (!before.isEmpty()) {
      Window window = new Window(nodeOffset, limit - nodeOffset, before, Optional.empty());
      int length = window.dataBytes();
      sink.accept(window, Arrays.copyOf(data, length));
      System.arraycopy(data, length, data, 0, dataLength - length);
      dataLength -= length;
    }
  }
}
