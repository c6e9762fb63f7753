package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Says no before work starts: counts what live sandboxes were promised, per key and in all, and
 * looks at what the host has left. Thread-safe.
 */
final class Admission {
  /** Where what is as lasting as machines is kept: notes, calls, and what guests have said. */
  private static final Path RUN = Path.of("/run");

  private static final long RUN_RESERVE = 64L << 20;

  private final EngineConfig.Limits limits;
  private final Path dataFolder;
  private final long hostMemory = HostResources.totalMemory();
  private final Map<String, Usage> byKey = new HashMap<>();
  private int sandboxes;
  private long memory;
  private boolean closed;

  private static final class Usage {
    private int sandboxes;
    private long memory;
  }

  Admission(EngineConfig.Limits limits, Path dataFolder) {
    this.limits = limits;
    this.dataFolder = dataFolder;
  }

  /** Reserves room for a sandbox of {@code size} guest memory, until the place is released. */
  Place admit(Caller caller, DataSize size) {
    return admit(caller, size, 1, 0).getFirst();
  }

  /**
   * Reserves room for so many sandboxes of {@code size} each, or for none of them.
   *
   * @param atOnce bytes of host memory that they take from the beginning
   */
  synchronized List<Place> admit(Caller caller, DataSize size, int count, long atOnce) {
    if (closed) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "this server is shutting down");
    }
    Usage usage = byKey.computeIfAbsent(caller.keyId(), _ -> new Usage());
    long asked = Math.multiplyExact(size.bytes(), (long) count);
    try {
      checkKey(caller, usage, count, asked);
      checkHost(count, asked, atOnce);
    } catch (PodflareException refused) {
      forgetIfEmpty(caller.keyId(), usage);
      throw refused;
    }
    usage.sandboxes += count;
    usage.memory += asked;
    sandboxes += count;
    memory += asked;
    return Stream.generate(() -> new Place(caller.keyId(), size)).limit(count).toList();
  }

  /** Room for a sandbox that is there already, whatever the limits are now. */
  synchronized Place readmit(String keyId, DataSize size) {
    Usage usage = byKey.computeIfAbsent(keyId, _ -> new Usage());
    usage.sandboxes++;
    usage.memory += size.bytes();
    sandboxes++;
    memory += size.bytes();
    return new Place(keyId, size);
  }

  /** Room for one sandbox. Thread-safe. */
  final class Place {
    private final String keyId;
    private final DataSize size;
    private boolean released;

    private Place(String keyId, DataSize size) {
      this.keyId = keyId;
      this.size = size;
    }

    /** Gives it back, once; repeating it does nothing. */
    void release() {
      synchronized (Admission.this) {
        if (!released) {
          released = true;
          Admission.this.release(keyId, size);
        }
      }
    }
  }

  private void forgetIfEmpty(String keyId, Usage usage) {
    if (usage.sandboxes == 0) {
      byKey.remove(keyId);
    }
  }

  private void checkKey(Caller caller, Usage usage, int count, long asked) {
    int most = caller.maxSandboxes().orElse(limits.sandboxesPerKey());
    if (usage.sandboxes + count > most) {
      throw new PodflareException(
          ErrorCode.TOO_MANY_SANDBOXES,
          "this key has "
              + usage.sandboxes
              + " sandboxes"
              + (count > 1 ? " and asks for " + count + " more" : "")
              + ", at most "
              + most,
          Map.of("sandboxes", usage.sandboxes, "max_sandboxes", most));
    }
    if (caller.maxMemoryMebibytes().isPresent()) {
      long cap = DataSize.ofMebibytes(caller.maxMemoryMebibytes().getAsLong()).bytes();
      if (usage.memory + asked > cap) {
        throw new PodflareException(
            ErrorCode.TOO_MUCH_MEMORY,
            "this key's sandboxes have "
                + new DataSize(usage.memory)
                + ", at most "
                + new DataSize(cap),
            Map.of("memory_bytes", usage.memory, "max_memory_bytes", cap));
      }
    }
  }

  private void checkHost(int count, long asked, long atOnce) {
    if (sandboxes + count > limits.sandboxes()) {
      throw full("sandboxes", sandboxes, limits.sandboxes());
    }
    long promised = (long) (hostMemory * limits.memoryOvercommit());
    if (memory + asked > promised) {
      throw full("promised_memory_bytes", memory, promised);
    }
    long available = HostResources.availableMemory();
    if (available - atOnce < limits.memoryReserve().bytes()) {
      throw full("available_memory_bytes", available, limits.memoryReserve().bytes());
    }
    long run = HostResources.freeDisk(RUN);
    if (run < RUN_RESERVE) {
      throw full("free_run_bytes", run, RUN_RESERVE);
    }
    long disk = HostResources.freeDisk(dataFolder);
    if (disk < limits.diskReserve().bytes()) {
      throw full("free_disk_bytes", disk, limits.diskReserve().bytes());
    }
  }

  private static PodflareException full(String figure, long value, long limit) {
    return new PodflareException(
        ErrorCode.HOST_FULL,
        "this host is full: " + figure + " is " + value + ", limit " + limit,
        Map.of(figure, value, "limit", limit));
  }

  private void release(String keyId, DataSize size) {
    Usage usage = byKey.get(keyId);
    if (usage != null) {
      usage.sandboxes--;
      usage.memory -= size.bytes();
      forgetIfEmpty(keyId, usage);
    }
    sandboxes--;
    memory -= size.bytes();
  }

  /** Refuses what would take so many bytes at once, if the host has not got them. */
  void requireMemory(long atOnce) {
    long available = HostResources.availableMemory();
    if (available - atOnce < limits.memoryReserve().bytes()) {
      throw full("available_memory_bytes", available, limits.memoryReserve().bytes());
    }
  }

  /** Whether new sandboxes will soon be refused for want of the host's memory. */
  boolean memoryIsShort() {
    return HostResources.availableMemory() < 2 * limits.memoryReserve().bytes();
  }

  /** From now on everything is refused. */
  synchronized void close() {
    closed = true;
  }

  synchronized boolean accepting() {
    try {
      checkHost(1, 0, 0);
      return !closed;
    } catch (PodflareException full) {
      return false;
    }
  }
}
