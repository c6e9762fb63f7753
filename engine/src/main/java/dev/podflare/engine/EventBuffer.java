package dev.podflare.engine;

import java.util.ArrayList;
import java.util.List;

/**
 * Events by sequence number, with how many bytes of output there were up to each; the oldest can be
 * dropped. One at a time, under the log's lock.
 */
final class EventBuffer {
  private static final int COMPACT_AT = 1024;

  private record Entry(ExecEvent event, long rawEnd) {}

  private final List<Entry> entries = new ArrayList<>();
  private int head;
  private long first;
  private long rawDropped;

  void add(ExecEvent event, long rawEnd) {
    entries.add(new Entry(event, rawEnd));
  }

  void removeFirst() {
    rawDropped = entries.get(head).rawEnd();
    head++;
    first++;
    if (head >= COMPACT_AT && head * 2 >= entries.size()) {
      entries.subList(0, head).clear();
      head = 0;
    }
  }

  /** Sequence number of the oldest event that is kept. */
  long first() {
    return first;
  }

  /** Sequence number of the event that comes next. */
  long next() {
    return first + count();
  }

  int count() {
    return entries.size() - head;
  }

  ExecEvent event(long sequence) {
    return entries.get(index(sequence)).event();
  }

  /** Bytes of output in all events before this one. */
  long rawBefore(long sequence) {
    if (sequence <= first) {
      return rawDropped;
    }
    return entries.get(index(Math.min(sequence, next()) - 1)).rawEnd();
  }

  private int index(long sequence) {
    return head + (int) (sequence - first);
  }
}
