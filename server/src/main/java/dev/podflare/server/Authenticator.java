package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Caller;
import dev.podflare.store.ApiKey;
import dev.podflare.store.ApiKeys;
import dev.podflare.store.KeyText;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Tells who asks, by the SHA-256 of the key that is sent: looking a digest up tells nothing by its
 * timing about any key. Thread-safe.
 *
 * <p>Keys come from three places: the admin key file, the fixed keys of the configuration (never
 * admin; their ids derive from their text, so that they own their sandboxes over restarts), and the
 * store.
 */
final class Authenticator {
  private static final String MISSING = "missing Authorization: Bearer <key>";
  private static final String INVALID = "invalid api key";
  private static final int LONGEST_KEY = 512;

  private final ApiKeys keys;
  private final boolean disabled;
  private final OptionalInt requestsPerMinute;
  private final Map<String, Identity> fixed = new HashMap<>();

  Authenticator(ServerConfig config, Optional<AdminKeyFile> adminKey, ApiKeys keys) {
    this.keys = keys;
    this.disabled = config.authDisabled();
    this.requestsPerMinute = config.limits().requestsPerMinute();
    for (String text : config.fixedKeys()) {
      String hash = KeyText.sha256(text);
      fixed.put(hash, fixedIdentity("key_" + hash.substring(0, 32), false, requestsPerMinute));
    }
    adminKey.ifPresent(file ->
        fixed.put(
            KeyText.sha256(file.text()), fixedIdentity("key_admin", true, OptionalInt.empty())));
  }

  /**
   * @param authorization value of the header, or null
   * @throws PodflareException {@code MISSING_AUTHORIZATION}, {@code INVALID_API_KEY}
   */
  Identity authenticate(@Nullable String authorization) {
    if (disabled) {
      return fixedIdentity("key_local", true, OptionalInt.empty());
    }
    String text = bearer(authorization);
    String hash = KeyText.sha256(text);
    Identity known = fixed.get(hash);
    if (known != null) {
      return known;
    }
    return keys.findByHash(hash)
        .map(this::identity)
        .orElseThrow(() -> new PodflareException(ErrorCode.INVALID_API_KEY, INVALID));
  }

  /** Whose key an {@code Authorization} holds, also where authentication is off. */
  Optional<Identity> known(@Nullable String authorization) {
    if (authorization == null || !authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
      return Optional.empty();
    }
    String text = authorization.substring(7).strip();
    if (text.isEmpty() || text.length() > LONGEST_KEY) {
      return Optional.empty();
    }
    String hash = KeyText.sha256(text);
    return Optional.ofNullable(fixed.get(hash)).or(() -> keys.findByHash(hash).map(this::identity));
  }

  /** The live key of that id. */
  Optional<Identity> byId(String keyId) {
    if (disabled) {
      return Optional.of(authenticate(null)).filter(it -> it.caller().keyId().equals(keyId));
    }
    return fixed.values().stream()
        .filter(identity -> identity.caller().keyId().equals(keyId))
        .findFirst()
        .or(() ->
            keys.list().stream()
                .filter(key -> key.id().equals(keyId))
                .findFirst()
                .map(this::identity));
  }

  boolean disabled() {
    return disabled;
  }

  /** Ids of keys that are not in the store. */
  Set<String> fixedKeyIds() {
    return fixed.values().stream()
        .map(identity -> identity.caller().keyId())
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  private static String bearer(@Nullable String authorization) {
    if (authorization == null || !authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
      throw new PodflareException(ErrorCode.MISSING_AUTHORIZATION, MISSING);
    }
    String text = authorization.substring(7).strip();
    if (text.isEmpty()) {
      throw new PodflareException(ErrorCode.MISSING_AUTHORIZATION, MISSING);
    }
    if (text.length() > LONGEST_KEY) {
      throw new PodflareException(ErrorCode.INVALID_API_KEY, INVALID);
    }
    return text;
  }

  private Identity identity(ApiKey key) {
    List<Scope> scopes = key.scopes().stream().flatMap(s -> Scope.grantable(s).stream()).toList();
    OptionalInt perMinute = key.limits().requestsPerMinute();
    return new Identity(
        new Caller(
            key.id(), key.admin(), key.limits().maxSandboxes(), key.limits().maxMemoryMebibytes()),
        Set.copyOf(scopes),
        perMinute.isPresent() ? perMinute : requestsPerMinute);
  }

  private static Identity fixedIdentity(String id, boolean admin, OptionalInt perMinute) {
    return new Identity(
        new Caller(id, admin, OptionalInt.empty(), OptionalLong.empty()), Set.of(), perMinute);
  }
}
