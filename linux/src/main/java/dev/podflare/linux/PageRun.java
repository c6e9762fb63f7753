package dev.podflare.linux;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

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

  /** Every byte that is in one of the lists, once, in order; neighbours become one run. */
  public static List<PageRun> union(List<PageRun> some, List<PageRun> others) {
    List<PageRun> all = new ArrayList<>(some);
    all.addAll(others);
    all.sort(Comparator.comparingLong(PageRun::offset));
    List<PageRun> joined = new ArrayList<>();
    for (PageRun run : all) {
      if (!joined.isEmpty() && run.offset() <= joined.getLast().end()) {
        PageRun last = joined.removeLast();
        joined.add(new PageRun(last.offset(), Math.max(last.end(), run.end()) - last.offset()));
      } else {
        joined.add(run);
      }
    }
    return joined;
  }
}
