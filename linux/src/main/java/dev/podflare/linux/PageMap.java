package dev.podflare.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * Which pages of another process's private file mapping are its own: present or swapped, and not
 * pages of the file. With Linux 6.7 the kernel lists the runs (PAGEMAP_SCAN); before, the map is
 * read entry by entry. Both see a page the same way. Stateless; the caller must be root and should
 * have stopped the machine, or the answer is only a snapshot.
 */
public final class PageMap {
  private static final long PAGE = 4096;

  // include/uapi/linux/fs.h: struct pm_scan_arg is 12 u64, _IOWR('f', 16, 96 bytes).
  private static final long PAGEMAP_SCAN = 0xC0606610L;
  private static final int ARG_WORDS = 12;
  private static final long IS_FILE = 1 << 2;
  private static final long IS_PRESENT = 1 << 3;
  private static final long IS_SWAPPED = 1 << 4;
  private static final int REGIONS_A_CALL = 4096;

  private static final long BIT_PRESENT = 1L << 63;
  private static final long BIT_SWAPPED = 1L << 62;
  private static final long BIT_FILE = 1L << 61;

  private PageMap() {}

  /**
   * Runs of own pages in {@code [address, address + length)} of process {@code pid}; offsets count
   * from {@code address}.
   */
  public static List<PageRun> ownPages(long pid, long address, long length) {
    try {
      return scan(pid, address, length);
    } catch (PodflareException olderKernel) {
      return read(pid, address, length);
    }
  }

  static List<PageRun> scan(long pid, long address, long length) {
    int fd = Libc.open("/proc/" + pid + "/pagemap", 0);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment arg = arena.allocate(JAVA_LONG, ARG_WORDS);
      MemorySegment regions = arena.allocate(JAVA_LONG, 3L * REGIONS_A_CALL);
      List<PageRun> runs = new ArrayList<>();
      long from = address;
      while (from < address + length) {
        fill(arg, from, address + length, regions);
        int count = Libc.ioctl(fd, PAGEMAP_SCAN, arg);
        for (int i = 0; i < count; i++) {
          long start = regions.getAtIndex(JAVA_LONG, 3L * i);
          long end = regions.getAtIndex(JAVA_LONG, 3L * i + 1);
          append(runs, start - address, end - address);
        }
        // Where the kernel stopped, walk_end, can lie before the end of what it has just told.
        long told = count == 0 ? 0 : regions.getAtIndex(JAVA_LONG, 3L * (count - 1) + 1);
        from = Math.max(arg.getAtIndex(JAVA_LONG, 4), told);
      }
      return runs;
    } finally {
      Libc.close(fd);
    }
  }

  private static void fill(MemorySegment arg, long start, long end, MemorySegment regions) {
    long[] words = {
      8L * ARG_WORDS,
      0, // flags
      start,
      end,
      0, // walk_end, written by the kernel
      regions.address(),
      REGIONS_A_CALL,
      0, // max_pages: no limit
      IS_FILE, // category_inverted: "not a page of the file"
      IS_FILE, // category_mask
      IS_PRESENT | IS_SWAPPED, // category_anyof_mask
      IS_PRESENT | IS_SWAPPED // return_mask
    };
    MemorySegment.copy(words, 0, arg, JAVA_LONG, 0, words.length);
  }

  static List<PageRun> read(long pid, long address, long length) {
    ByteBuffer entries = ByteBuffer.allocateDirect(1 << 19).order(ByteOrder.nativeOrder());
    List<PageRun> runs = new ArrayList<>();
    // RandomAccessFile and not FileChannel.open: pagemap refuses the size call of the latter.
    try (RandomAccessFile file = new RandomAccessFile("/proc/" + pid + "/pagemap", "r");
        FileChannel map = file.getChannel()) {
      long pages = length / PAGE;
      long page = 0;
      while (page < pages) {
        entries.clear().limit((int) Math.min(entries.capacity(), (pages - page) * Long.BYTES));
        if (map.read(entries, (address / PAGE + page) * Long.BYTES) <= 0) {
          throw new PodflareException(ErrorCode.MACHINE_FAILED, "page map of " + pid + " ended");
        }
        entries.flip();
        for (; entries.remaining() >= Long.BYTES; page++) {
          long entry = entries.getLong();
          if ((entry & (BIT_PRESENT | BIT_SWAPPED)) != 0 && (entry & BIT_FILE) == 0) {
            append(runs, page * PAGE, (page + 1) * PAGE);
          }
        }
      }
      return runs;
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "cannot read page map of " + pid, e);
    }
  }

  private static void append(List<PageRun> runs, long start, long end) {
    int last = runs.size() - 1;
    if (last >= 0 && runs.get(last).end() == start) {
      runs.set(last, new PageRun(runs.get(last).offset(), end - runs.get(last).offset()));
    } else {
      runs.add(new PageRun(start, end - start));
    }
  }
}
