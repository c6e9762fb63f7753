package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongFunction;

/** The operations on one guest's files that are under way. Thread-safe. */
final class FileOperations {
  /** The guest has a thread for each, and some to spare for those that hang. */
  static final int MOST = 24;

  private final Map<Long, FileOperation> all = new ConcurrentHashMap<>();

  static boolean concerns(Frame frame) {
    return switch (frame.type()) {
      case FrameType.FILE_HEAD,
          FrameType.FILE_OUTPUT,
          FrameType.FILE_HOLE,
          FrameType.FILE_INPUT_TAKEN,
          FrameType.FILE_END ->
          true;
      default -> false;
    };
  }

  FileOperation add(long id, LongFunction<FileOperation> maker) {
    synchronized (this) {
      if (all.size() >= MOST) {
        throw new PodflareException(
            ErrorCode.TOO_MANY_FILE_CALLS,
            MOST + " calls about this sandbox's files are under way",
            Map.of("limit", MOST));
      }
      FileOperation operation = maker.apply(id);
      all.put(id, operation);
      return operation;
    }
  }

  void forget(long id) {
    all.remove(id);
  }

  boolean isEmpty() {
    return all.isEmpty();
  }

  /** Whether such an operation is under way. */
  boolean take(Frame frame) {
    FileOperation operation = all.get(frame.id());
    if (operation == null) {
      return false;
    }
    if (frame.type() == FrameType.FILE_END) {
      all.remove(frame.id());
    }
    operation.take(frame);
    return true;
  }

  /** No more is heard of any. */
  void lose(String why) {
    for (Long id : List.copyOf(all.keySet())) {
      FileOperation operation = all.remove(id);
      if (operation != null) {
        operation.lose(why);
      }
    }
  }
}
