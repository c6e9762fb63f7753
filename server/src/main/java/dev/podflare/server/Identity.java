package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Caller;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * An authenticated caller.
 *
 * @param scopes what the key may do; empty: everything
 */
record Identity(Caller caller, Set<Scope> scopes, OptionalInt requestsPerMinute) {

  /** Refuses with {@code FORBIDDEN} what the key is not allowed. */
  void require(Scope scope) {
    boolean allowed =
        switch (scope) {
          case PUBLIC, ANY -> true;
          case READ, WRITE, EXEC -> caller.admin() || scopes.isEmpty() || scopes.contains(scope);
          case ADMIN -> caller.admin();
        };
    if (!allowed) {
      throw new PodflareException(
          ErrorCode.FORBIDDEN,
          scope == Scope.ADMIN
              ? "this needs an admin key"
              : "this key lacks the scope '" + scope.wireName() + "'",
          Map.of("scope", scope.wireName()));
    }
  }
}
