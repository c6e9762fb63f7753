package dev.podflare.server.testing;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.SecretRequest;
import dev.podflare.engine.SecretView;
import dev.podflare.network.SecretUse;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;

/** Secrets of sandboxes, of which nothing is done. Thread-safe. */
final class FakeSecrets {
  private final Map<String, Map<String, SecretView>> secrets = new ConcurrentHashMap<>();

  List<SecretView> list(String sandbox) {
    return List.copyOf(of(sandbox).values());
  }

  SecretView put(String sandbox, SecretRequest request) {
    Instant now = Instant.now();
    SecretView view =
        new SecretView(
            request.name(),
            request.hosts(),
            request.place(),
            "pf_secret_" + request.name() + "_0",
            now,
            now,
            SecretUse.NONE);
    of(sandbox).put(request.name(), view);
    return view;
  }

  void delete(String sandbox, String name) {
    if (of(sandbox).remove(name) == null) {
      throw new PodflareException(ErrorCode.SECRET_NOT_FOUND, "no such secret");
    }
  }

  private Map<String, SecretView> of(String sandbox) {
    return secrets.computeIfAbsent(sandbox, any -> new ConcurrentSkipListMap<>());
  }
}
