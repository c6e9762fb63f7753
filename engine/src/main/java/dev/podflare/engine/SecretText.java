package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.network.Destination;
import dev.podflare.network.SecretRule;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** Secrets as records keep them: JSON, with sealed values. Stateless. */
final class SecretText {
  static final String NONE = "[]";
  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** One of them. */
  record Entry(SecretRule rule, Instant createdAt, Instant changedAt) {}

  private record Fields(
      String name,
      String placeholder,
      List<String> hosts,
      @Nullable String header,
      @Nullable String query,
      String sealed,
      @JsonProperty("created_at") long createdAt,
      @JsonProperty("changed_at") long changedAt) {}

  private SecretText() {}

  static String of(List<Entry> entries) {
    return JSON.writeValueAsString(entries.stream().map(SecretText::fields).toList());
  }

  private static Fields fields(Entry entry) {
    SecretRule rule = entry.rule();
    return new Fields(
        rule.name(),
        rule.placeholder(),
        rule.hosts().stream().map(Destination.Domain::toString).toList(),
        rule.place() instanceof SecretRule.Place.Header header ? header.name() : null,
        rule.place() instanceof SecretRule.Place.Query query ? query.name() : null,
        rule.sealed(),
        entry.createdAt().toEpochMilli(),
        entry.changedAt().toEpochMilli());
  }

  static List<Entry> parse(String text) {
    return text.equals(NONE)
        ? List.of()
        : List.of(JSON.readValue(text, Fields[].class)).stream().map(SecretText::entry).toList();
  }

  private static Entry entry(Fields fields) {
    SecretRule.Place place =
        fields.header() != null
            ? new SecretRule.Place.Header(fields.header())
            : new SecretRule.Place.Query(String.valueOf(fields.query()));
    SecretRule rule =
        new SecretRule(
            fields.name(),
            fields.placeholder(),
            fields.hosts().stream()
                .map(Destination::parse)
                .map(Destination.Domain.class::cast)
                .toList(),
            place,
            List.of(),
            true,
            fields.sealed());
    return new Entry(
        rule, Instant.ofEpochMilli(fields.createdAt()), Instant.ofEpochMilli(fields.changedAt()));
  }
}
