package dev.podflare.server;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a key must be allowed to do for a route. {@code READ}, {@code WRITE}, {@code EXEC} can be
 * given to keys.
 */
enum Scope {
  /** No key needed. */
  PUBLIC,
  /** Any valid key. */
  ANY,
  READ,
  WRITE,
  EXEC,
  /** Keys with the admin flag. */
  ADMIN;

  String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The scope of that name, if keys can have it. */
  static Optional<Scope> grantable(String wireName) {
    return Stream.of(READ, WRITE, EXEC).filter(s -> s.wireName().equals(wireName)).findFirst();
  }
}
