package dev.podflare.server;

import dev.podflare.engine.SecretRequest;
import dev.podflare.engine.SecretValue;
import dev.podflare.network.SecretRule;
import java.util.List;
import java.util.Optional;

/** Secrets that callers send. Errors never say a value. Stateless. */
final class SecretBody {
  private static final int MOST = 64;

  private SecretBody() {}

  /** Those of a create. */
  static List<SecretRequest> ofCreate(Fields fields) {
    return fields.objects("secrets", MOST).stream()
        .map(it -> of(it.text("name").orElseThrow(() -> missing("name")), it))
        .toList();
  }

  static SecretRequest of(String name, Fields fields) {
    return new SecretRequest(
        name,
        fields.list("hosts", MOST),
        place(fields),
        SecretValue.of(fields.text("value").orElseThrow(() -> missing("value"))));
  }

  private static SecretRule.Place place(Fields fields) {
    Optional<String> header = fields.text("header");
    Optional<String> query = fields.text("query");
    if (header.isPresent() == query.isPresent()) {
      throw Fields.invalid("header", "given, or 'query', and not both");
    }
    return header
        .<SecretRule.Place>map(SecretRule.Place.Header::new)
        .orElseGet(() -> new SecretRule.Place.Query(query.orElseThrow()));
  }

  private static RuntimeException missing(String field) {
    return Fields.invalid(field, "given for a secret");
  }
}
