package dev.podflare.engine;

import java.util.ArrayList;
import java.util.List;

/**
 * Events by sequence number, with the cost of all up to each; the oldest can be dropped. One at a
 * time, under the log's lock.
 */
final class EventBuffer {
  private static final int COMPACT_AT = 1024;

  private record Entry(ExecEvent event, long costEnd) {}

  private final List<Entry> entries = new ArrayList<>();
  private int head;
  private long first;
  private long costDropped;

  /** The first event will have that number; before there are any. */
  void beginAt(long sequence) {
    first = sequence;
  }

  void add(ExecEvent event, long costEnd) {
    entries.add(new Entry(event, costEnd));
  }

  void removeFirst() {
    costDropped = entries.get(head).costEnd();
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

  /** Cost of all events before this one. */
  long costBefore(long sequence) {
    if (sequence <= first) {
      return costDropped;
    }
    return entries.get(index(Math.min(sequence, next()) - 1)).costEnd();
  }

  private int index(long sequence) {
    return head + (int) (sequence - first);
  }
}
