package dev.podflare.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApiKeysTest {
  @TempDir Path folder;

  @Test
  void aKeyIsFoundByItsHashAfterReopening() {
    KeyLimits limits =
        new KeyLimits(OptionalInt.of(3), OptionalLong.of(8L << 30), OptionalInt.empty());
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

  @Test
  void theTextOfAKeyIsNowhereInTheFiles() throws Exception {
    NewApiKey made;
    try (Store store = open()) {
      made = store.keys().create("ci", true, List.of(), KeyLimits.none());
    }
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        String bytes = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertThat(bytes).as(file.toString()).doesNotContain(made.text());
      }
    }
    assertThat(made.toString()).doesNotContain(made.text());
  }

  private Store open() {
    return Store.open(folder.resolve("podflare.db"));
  }
}
