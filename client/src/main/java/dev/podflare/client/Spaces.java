package dev.podflare.client;

import java.util.List;
import java.util.Optional;

/**
 * Sandboxes that are frozen into the server's checkpoint store. Every method may throw {@link
 * ApiException}. Thread-safe.
 */
public final class Spaces {
  private final HttpCaller http;
  private final ClientConfig config;

  Spaces(HttpCaller http, ClientConfig config) {
    this.http = http;
    this.config = config;
  }

  private record Listing(List<SpaceInfo> spaces) {}

  /** Those of this key, oldest first; of an admin key: all. */
  public List<SpaceInfo> list() {
    return List.copyOf(http.get("/v1/spaces", Listing.class).spaces());
  }

  /** Code {@code space_not_found} also after it was resumed. */
  public SpaceInfo get(String id) {
    return http.get(path(id), SpaceInfo.class);
  }

  /** Goes on with a Space as a new sandbox; the Space is used up. */
  public Sandbox resume(String id) {
    return resume(id, ResumeOptions.AS_IT_WAS);
  }

  /**
   * Goes on with a Space as a new sandbox. Codes {@code checkpoint_unfit}, if this server cannot
   * restore it, and {@code checkpoint_corrupt}, if its bytes are damaged; the Space stays then.
   */
  public Sandbox resume(String id, ResumeOptions options) {
    Created created = http.create(path(id) + "/resume", options.body(), Created.class);
    return new Sandbox(http, config, created.id(), Optional.of(created));
  }

  /** Deletes a Space and the sandbox that is frozen in it. Repeating it is no error. */
  public void delete(String id) {
    http.call("DELETE", path(id));
  }

  private static String path(String id) {
    return "/v1/spaces/" + Wire.encode(id);
  }
}
