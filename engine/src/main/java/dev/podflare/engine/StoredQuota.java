package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.ApiKeys;
import dev.podflare.store.SavedMachines;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Refuses a freeze or snapshot of a key that has its fill of the checkpoint store already. What a
 * host that ends or runs out of memory must put away is not refused. Thread-safe.
 */
final class StoredQuota {
  private final SavedMachines saved;
  private final ApiKeys keys;

  StoredQuota(SavedMachines saved, ApiKeys keys) {
    this.saved = saved;
    this.keys = keys;
  }

  /** {@code TOO_MUCH_STORED}, with the figures. */
  void require(String keyId) {
    OptionalLong most = keys.limits(keyId).maxStoredMebibytes();
    if (most.isEmpty()) {
      return;
    }
    DataSize limit = DataSize.ofMebibytes(most.getAsLong());
    DataSize stored = new DataSize(saved.storedBytes(keyId));
    if (stored.bytes() >= limit.bytes()) {
      throw new PodflareException(
          ErrorCode.TOO_MUCH_STORED,
          "this key's Spaces and snapshots have stored " + stored + ", at most " + limit,
          Map.of("stored_bytes", stored.bytes(), "max_stored_bytes", limit.bytes()));
    }
  }
}
