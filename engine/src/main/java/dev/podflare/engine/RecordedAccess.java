package dev.podflare.engine;

import dev.podflare.network.GuestAccess;
import dev.podflare.network.SecretRule;
import dev.podflare.store.SandboxRecord;
import java.util.List;
import java.util.stream.Stream;

/** What a sandbox's record says about its guest's network. Stateless. */
final class RecordedAccess {
  private RecordedAccess() {}

  static GuestAccess of(SandboxRecord record) {
    return of(record, List.of());
  }

  /** {@code passing}: secrets that are in no record, which come first. */
  static GuestAccess of(SandboxRecord record, List<SecretRule> passing) {
    return new GuestAccess(
        PolicyText.parse(record.network()),
        Stream.concat(
                passing.stream(),
                SecretText.parse(record.secrets()).stream().map(SecretText.Entry::rule))
            .toList());
  }
}
