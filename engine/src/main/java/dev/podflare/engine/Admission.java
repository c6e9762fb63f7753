package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Says no before work starts: counts what live sandboxes were promised, per key and in all, and
 * looks at what the host has left. Thread-safe.
 */
final class Admission {
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
  synchronized Place admit(Caller caller, DataSize size) {
    if (closed) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "this server is shutting down");
    }
    Usage usage = byKey.computeIfAbsent(caller.keyId(), _ -> new Usage());
    checkKey(caller, usage, size);
    checkHost(size);
    usage.sandboxes++;
    usage.memory += size.bytes();
    sandboxes++;
    memory += size.bytes();
    return new Place(caller.keyId(), size);
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

  private void checkKey(Caller caller, Usage usage, DataSize size) {
    int most = caller.maxSandboxes().orElse(limits.sandboxesPerKey());
    if (usage.sandboxes >= most) {
      throw new PodflareException(
          ErrorCode.TOO_MANY_SANDBOXES,
          "this key has " + usage.sandboxes + " sandboxes, at most " + most,
          Map.of("sandboxes", usage.sandboxes, "max_sandboxes", most));
    }
    if (caller.maxMemoryMebibytes().isPresent()) {
      long cap = DataSize.ofMebibytes(caller.maxMemoryMebibytes().getAsLong()).bytes();
      if (usage.memory + size.bytes() > cap) {
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

  private void checkHost(DataSize size) {
    if (sandboxes >= limits.sandboxes()) {
      throw full("sandboxes", sandboxes, limits.sandboxes());
    }
    long promised = (long) (hostMemory * limits.memoryOvercommit());
    if (memory + size.bytes() > promised) {
      throw full("promised_memory_bytes", memory, promised);
    }
    long available = HostResources.availableMemory();
    if (available < limits.memoryReserve().bytes()) {
      throw full("available_memory_bytes", available, limits.memoryReserve().bytes());
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
      if (usage.sandboxes == 0) {
        byKey.remove(keyId);
      }
    }
    sandboxes--;
    memory -= size.bytes();
  }

  /** From now on everything is refused. */
  synchronized void close() {
    closed = true;
  }

  synchronized boolean accepting() {
    try {
      checkHost(new DataSize(0));
      return !closed;
    } catch (PodflareException full) {
      return false;
    }
  }
}
