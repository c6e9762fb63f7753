package dev.podflare.client;

import java.util.List;

/**
 * Snapshots of sandboxes, taken by {@link Sandbox#snapshot()}; {@link
 * SandboxOptions.Builder#snapshot} and {@link Sandbox#rollback} go on from them. Every method may
 * throw {@link ApiException}. Thread-safe.
 */
public final class Snapshots {
  private final HttpCaller http;

  Snapshots(HttpCaller http) {
    this.http = http;
  }

  private record Listing(List<SnapshotInfo> snapshots) {}

  /** Those of this key, oldest first; of an admin key: all. */
  public List<SnapshotInfo> list() {
    return List.copyOf(http.get("/v1/snapshots", Listing.class).snapshots());
  }

  /**
   * Deletes a snapshot; sandboxes that were made of it live on. Repeating it is no error.
   *
   * @param id its id; a name is not looked for
   */
  public void delete(String id) {
    http.call("DELETE", "/v1/snapshots/" + Wire.encode(id));
  }
}
