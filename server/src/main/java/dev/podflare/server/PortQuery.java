package dev.podflare.server;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The link's token in a query, as sent. Stateless. */
final class PortQuery {
  static final String NAME = "pf_token";
  private static final String START = NAME + "=";

  private PortQuery() {}

  static Optional<String> token(@Nullable String query) {
    return query == null
        ? Optional.empty()
        : Arrays.stream(query.split("&", -1))
            .filter(part -> part.startsWith(START))
            .map(part -> part.substring(START.length()))
            .findFirst();
  }

  /** The query without it, with its question mark; empty if nothing is left. */
  static String without(@Nullable String query) {
    if (query == null) {
      return "";
    }
    String rest =
        Arrays.stream(query.split("&", -1))
            .filter(part -> !part.startsWith(START) && !part.equals(NAME))
            .collect(Collectors.joining("&"));
    return rest.isEmpty() ? "" : "?" + rest;
  }
}
