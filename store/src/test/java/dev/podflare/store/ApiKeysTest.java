package dev.podflare.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.store.testing.TestDatabase;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class ApiKeysTest {
  private final TestDatabase database;

  @TempDir Path folder;

  ApiKeysTest(TestDatabase database) {
    this.database = database;
  }

  @Test
  void aKeyIsFoundByItsHashAfterReopening() {
    KeyLimits limits =
        new KeyLimits(
            OptionalInt.of(3), OptionalLong.of(8L << 30), OptionalInt.empty(), OptionalLong.of(5));
    NewApiKey made;
    try (Store store = open()) {
      made = store.keys().create("ci", false, List.of("read", "exec"), limits);
      assertThat(made.text()).matches("pf_live_[0-9A-Za-z]{32}");
      assertThat(made.key().id()).matches("key_[0-9a-f]{32}");
    }
    try (Store store = open()) {
      assertThat(store.keys().findByHash(KeyText.sha256(made.text()))).contains(made.key());
      assertThat(store.keys().list()).containsExactly(made.key());
      assertThat(store.keys().findByHash(KeyText.sha256("pf_live_other"))).isEmpty();
    }
  }

  @Test
  void aDeletedKeyOpensNothingEverAgain() {
    NewApiKey made;
    try (Store store = open()) {
      made = store.keys().create("ci", true, List.of(), KeyLimits.none());
      assertThat(store.keys().delete(made.key().id())).isTrue();
      assertThat(store.keys().delete(made.key().id())).isFalse();
      assertThat(store.keys().findByHash(made.key().sha256())).isEmpty();
    }
    try (Store store = open()) {
      assertThat(store.keys().findByHash(made.key().sha256())).isEmpty();
      assertThat(store.keys().list()).isEmpty();
    }
  }

  private Store open() {
    return Store.open(database.of(folder), "a", "a");
  }
}
