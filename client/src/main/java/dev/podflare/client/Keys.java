package dev.podflare.client;

import java.util.List;
import java.util.Map;

/** Management of API keys; needs an admin key. Thread-safe. */
public final class Keys {
  private final HttpCaller http;

  Keys(HttpCaller http) {
    this.http = http;
  }

  private record Listing(List<KeyInfo> keys) {}

  public List<KeyInfo> list() {
    return List.copyOf(http.get("/v1/keys", Listing.class).keys());
  }

  /**
   * A new key with the server's default limits; its text is in {@link KeyInfo#key}.
   *
   * @param scopes what it may do; empty: everything but what needs an admin
   */
  public KeyInfo create(String name, boolean admin, List<String> scopes) {
    Map<String, Object> body = Map.of("name", name, "admin", admin, "scopes", scopes);
    return http.create("/v1/keys", body, KeyInfo.class);
  }

  public void delete(String id) {
    http.call("DELETE", "/v1/keys/" + Wire.encode(id));
  }
}
