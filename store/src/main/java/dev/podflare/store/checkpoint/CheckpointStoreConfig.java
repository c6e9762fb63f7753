package dev.podflare.store.checkpoint;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.Optional;

/**
 * How a checkpoint store works.
 *
 * @param grace how old a chunk must be before it may be collected. A third of it is the time that a
 *     writer has, a third the age up to which a chunk is used as it is, and a third what the clocks
 *     of hosts and back end may differ by: see {@link GarbageCollector}
 * @param settle how long a collection waits between saying what it will delete and deleting it; at
 *     most a twelfth of {@code grace}
 * @param threads that read and write, from 1 to 256
 * @param bytesInFlight plain bytes that all writers together may have handed over and not yet
 *     stored, and that one reader may be ahead; at least 1 MiB
 * @param key if the store is to be encrypted
 */
public record CheckpointStoreConfig(
    Duration grace, Duration settle, int threads, DataSize bytesInFlight, Optional<StoreKey> key) {
  private static final DataSize LEAST_IN_FLIGHT = DataSize.ofMebibytes(1);

  public CheckpointStoreConfig {
    require(grace.isPositive(), "grace must be positive, not " + grace);
    require(
        !settle.isNegative() && settle.compareTo(grace.dividedBy(12)) <= 0,
        "settle must be from 0 to a twelfth of grace, not " + settle);
    require(threads >= 1 && threads <= 256, "threads must be from 1 to 256, not " + threads);
    require(
        bytesInFlight.compareTo(LEAST_IN_FLIGHT) >= 0,
        "bytesInFlight must be at least " + LEAST_IN_FLIGHT + ", not " + bytesInFlight);
  }

  public static CheckpointStoreConfig defaults() {
    return new CheckpointStoreConfig(
        Duration.ofHours(24),
        Duration.ofSeconds(30),
        16,
        DataSize.ofMebibytes(16),
        Optional.empty());
  }

  public CheckpointStoreConfig withGrace(Duration newGrace, Duration newSettle) {
    return new CheckpointStoreConfig(newGrace, newSettle, threads, bytesInFlight, key);
  }

  CheckpointStoreConfig withThreads(int count) {
    return new CheckpointStoreConfig(grace, settle, count, bytesInFlight, key);
  }

  public CheckpointStoreConfig withKey(StoreKey newKey) {
    return new CheckpointStoreConfig(grace, settle, threads, bytesInFlight, Optional.of(newKey));
  }

  private static void require(boolean right, String otherwise) {
    if (!right) {
      throw new PodflareException(ErrorCode.INVALID_CONFIG, "checkpoint store: " + otherwise);
    }
  }
}
