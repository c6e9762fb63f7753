package dev.podflare.qemu;

import dev.podflare.common.DataSize;
import dev.podflare.linux.PageMap;
import dev.podflare.linux.PageRun;
import dev.podflare.linux.ProcessMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The own pages of a machine at several moments, in files that a later daemon can go on with.
 *
 * <p>The newest moment is whole, in one sparse file {@code memory}, each page at its place in the
 * guest. Of each older one there is only what the next moment has changed: a {@link PageFile} with
 * the bytes of before. So a moment costs what was written since, the oldest one is dropped by
 * removing its file, and an older one is had by putting the bytes of before back, from the newest
 * to it.
 *
 * <p>What has changed is found by comparing: the kernel tells which pages are a machine's own, but
 * not which were written since, unless it was built to (soft-dirty bits).
 *
 * <p>A {@code kill -9} at any moment: the bytes of before are whole before {@code memory} is
 * touched, so whoever finds them without the moment that they were kept for puts them back. One at
 * a time.
 */
public final class MemoryHistory implements AutoCloseable {
  private static final int PAGE = 4096;

  /** Small enough to stay in a processor's cache between the read and the comparison. */
  private static final int WINDOW = 256 << 10;

  private final Arena arena = Arena.ofShared();
  private final FileChannel file;
  private final MemorySegment memory;
  private final MemorySegment window;
  private final BitSet known = new BitSet();

  private MemoryHistory(FileChannel file, long size) throws IOException {
    this.file = file;
    this.memory = file.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
    this.window = arena.allocate(WINDOW, PAGE);
  }

  /**
   * Opens one, or makes an empty one.
   *
   * @param folder of the host's own
   * @param size of the guest's memory
   */
  public static MemoryHistory open(Path folder, DataSize size) throws IOException {
    FileChannel file =
        FileChannel.open(
            folder.resolve("memory"),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    try {
      if (file.size() < size.bytes()) {
        file.write(ByteBuffer.allocate(1), size.bytes() - 1);
      }
      return new MemoryHistory(file, size.bytes());
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /**
   * What a machine has now that the newest moment has not.
   *
   * @param own all its own pages
   * @param changed those that differ, and {@code bytes} of each run
   */
  record Capture(List<PageRun> own, List<PageRun> changed, List<MemorySegment> bytes, Arena arena)
      implements AutoCloseable {
    @Override
    public void close() {
      arena.close();
    }
  }

  /** Looks at a machine that stands still; writes nothing. The capture is this thread's alone. */
  @SuppressWarnings("MustBeClosedChecker") // closed by the capture
  Capture capture(long pid, long base) {
    Arena copies = Arena.ofConfined();
    try {
      List<PageRun> own = PageMap.ownPages(pid, base, memory.byteSize());
      Changes changes = new Changes(copies);
      for (List<PageRun> group : windows(own)) {
        ProcessMemory.read(pid, base, group, window);
        long at = 0;
        for (PageRun run : group) {
          compare(window.asSlice(at, run.length()), run.offset(), changes);
          at += run.length();
        }
      }
      return new Capture(own, changes.runs, changes.bytes, copies);
    } catch (RuntimeException e) {
      copies.close();
      throw e;
    }
  }

  /** The runs, cut into groups that fit the window. */
  private static List<List<PageRun>> windows(List<PageRun> runs) {
    List<List<PageRun>> windows = new ArrayList<>();
    List<PageRun> window = new ArrayList<>();
    long bytes = 0;
    for (PageRun run : runs) {
      for (long at = run.offset(); at < run.end(); ) {
        long part = Math.min(run.end() - at, WINDOW - bytes);
        window.add(new PageRun(at, part));
        at += part;
        bytes += part;
        if (bytes == WINDOW) {
          windows.add(window);
          window = new ArrayList<>();
          bytes = 0;
        }
      }
    }
    if (!window.isEmpty()) {
      windows.add(window);
    }
    return windows;
  }

  private void compare(MemorySegment now, long offset, Changes changes) {
    long done = 0;
    while (done < now.byteSize()) {
      long same =
          MemorySegment.mismatch(
              now, done, now.byteSize(), memory, offset + done, offset + now.byteSize());
      if (same < 0) {
        return;
      }
      long page = (done + same) / PAGE * PAGE;
      changes.add(offset + page, now.asSlice(page, PAGE));
      done = page + PAGE;
    }
  }

  /** Copies of changed pages; neighbours become one run, as far as they fit one piece. */
  private static final class Changes {
    private static final long PIECE = 1 << 20;

    private final Arena arena;
    private final List<PageRun> runs = new ArrayList<>();
    private final List<MemorySegment> bytes = new ArrayList<>();
    private MemorySegment piece = MemorySegment.NULL;
    private long begin; // of the last run, in the piece
    private long end;

    private Changes(Arena arena) {
      this.arena = arena;
    }

    private void add(long offset, MemorySegment page) {
      boolean fresh = end + PAGE > piece.byteSize();
      if (fresh) {
        piece = arena.allocate(PIECE, PAGE);
        end = 0;
      }
      MemorySegment.copy(page, 0, piece, end, PAGE);
      PageRun last = runs.isEmpty() ? null : runs.getLast();
      if (last != null && !fresh && last.end() == offset) {
        runs.set(runs.size() - 1, new PageRun(last.offset(), last.length() + PAGE));
        bytes.set(bytes.size() - 1, piece.asSlice(begin, end + PAGE - begin));
      } else {
        begin = end;
        runs.add(new PageRun(offset, PAGE));
        bytes.add(piece.asSlice(end, PAGE));
      }
      end += PAGE;
    }
  }

  /**
   * Makes what was captured the newest moment; the caller writes down that there is one afterwards.
   *
   * @param before gets what the newest moment until now had; empty: there is none
   * @return bytes that were kept of it
   */
  long keep(Capture capture, Optional<Path> before) throws IOException {
    long kept = 0;
    if (before.isPresent()) {
      List<PageRun> old = capture.changed().stream().flatMap(run -> known(run).stream()).toList();
      PageFile.write(
          before.get(),
          old,
          old.stream().map(it -> memory.asSlice(it.offset(), it.length())).toList());
      kept = old.stream().mapToLong(PageRun::length).sum();
    }
    for (int i = 0; i < capture.changed().size(); i++) {
      write(capture.changed().get(i).offset(), capture.bytes().get(i).asByteBuffer());
    }
    knows(capture.own());
    return kept;
  }

  /** The parts of a run that some moment has as an own page. */
  private List<PageRun> known(PageRun run) {
    List<PageRun> parts = new ArrayList<>();
    int last = (int) (run.end() / PAGE);
    int from = known.nextSetBit((int) (run.offset() / PAGE));
    while (from >= 0 && from < last) {
      int to = Math.min(known.nextClearBit(from), last);
      parts.add(new PageRun((long) from * PAGE, (long) (to - from) * PAGE));
      from = known.nextSetBit(to);
    }
    return parts;
  }

  private void write(long offset, ByteBuffer bytes) throws IOException {
    long at = offset;
    while (bytes.hasRemaining()) {
      at += file.write(bytes, at);
    }
  }

  /** Some moment has these as its own: to be told of each after {@link #open}. */
  public void knows(List<PageRun> own) {
    own.forEach(run -> known.set((int) (run.offset() / PAGE), (int) (run.end() / PAGE)));
  }

  /** The moment before the newest becomes the newest again; its bytes of before are used up. */
  public void goBack(Path before) throws IOException {
    PageFile.visit(before, (run, bytes) -> write(run.offset(), bytes));
    Files.delete(before);
  }

  /**
   * The memory of a moment, copied: it stays whatever becomes of the files.
   *
   * @param own its own pages
   * @param before the files of all moments that are older than the newest, from the newest of them
   *     to this one
   */
  public OwnPages at(List<PageRun> own, List<Path> before) throws IOException {
    return HeldPages.filled(
        own,
        bytes -> {
          Places places = new Places(own, bytes);
          for (PageRun run : own) {
            places.put(run.offset(), memory.asSlice(run.offset(), run.length()));
          }
          for (Path file : before) {
            PageFile.visit(
                file,
                (run, old) -> {
                  MemorySegment all = MemorySegment.ofBuffer(old);
                  for (long at = 0; at < run.length(); at += PAGE) {
                    places.put(run.offset() + at, all.asSlice(at, PAGE));
                  }
                });
          }
        });
  }

  /** Where in the bytes of all runs a place of guest memory is. */
  private static final class Places {
    private final TreeMap<Long, Long> starts = new TreeMap<>();
    private final Map<Long, Long> ends = new HashMap<>();
    private final MemorySegment bytes;

    private Places(List<PageRun> runs, MemorySegment bytes) {
      this.bytes = bytes;
      long at = 0;
      for (PageRun run : runs) {
        starts.put(run.offset(), at);
        ends.put(run.offset(), run.end());
        at += run.length();
      }
    }

    /** One that is in no run is left out: it was not the machine's own then. */
    private void put(long offset, MemorySegment from) {
      var run = starts.floorEntry(offset);
      if (run != null && offset < ends.getOrDefault(run.getKey(), 0L)) {
        long at = run.getValue() + offset - run.getKey();
        MemorySegment.copy(from, 0, bytes, at, from.byteSize());
      }
    }
  }

  @Override
  public void close() {
    try {
      arena.close();
      file.close();
    } catch (IOException e) {
      // Nothing is written through it any more.
    }
  }

  /** Writes down which pages are a moment's own. */
  static void writeOwn(Path file, List<PageRun> own) throws IOException {
    PageFile.write(file, own, List.of());
  }

  /** What was written down so. */
  public static List<PageRun> readOwn(Path file) throws IOException {
    return PageFile.runs(file);
  }
}
