package dev.podflare.client;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Folders that many sandboxes mount, see {@link SandboxOptions.Builder#mount}, and that outlive
 * them. Every method may throw {@link ApiException}. Thread-safe.
 */
public final class Volumes {
  private final HttpCaller http;

  Volumes(HttpCaller http) {
    this.http = http;
  }

  private record Listing(List<VolumeInfo> volumes) {}

  /** An empty one, as large as one may get. Code {@code volume_exists} for a name that is taken. */
  public VolumeInfo create(String name) {
    return create(name, Optional.empty());
  }

  public VolumeInfo create(String name, Optional<Integer> maxMebibytes) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("name", name);
    maxMebibytes.ifPresent(it -> body.put("max_mib", it));
    return http.create("/v1/volumes", body, VolumeInfo.class);
  }

  /** Those of this key, by name; of an admin key: all. */
  public List<VolumeInfo> list() {
    return List.copyOf(http.get("/v1/volumes", Listing.class).volumes());
  }

  public VolumeInfo get(String idOrName) {
    return http.get(path(idOrName), VolumeInfo.class);
  }

  /** With all that is in it. Code {@code volume_in_use} while sandboxes have it mounted. */
  public void delete(String idOrName) {
    http.call("DELETE", path(idOrName));
  }

  /** Also while sandboxes have it mounted, which find it stale then. */
  public void deleteByForce(String idOrName) {
    http.call("DELETE", path(idOrName) + "?force=true");
  }

  private static String path(String idOrName) {
    return "/v1/volumes/" + Wire.encode(idOrName);
  }
}
