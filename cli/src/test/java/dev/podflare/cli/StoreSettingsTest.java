package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.checkpoint.CheckpointStore;
import dev.podflare.store.checkpoint.CheckpointWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where the daemon keeps checkpoints. */
class StoreSettingsTest {
  private static final String KEY = "ab".repeat(32);

  @TempDir Path data;

  private CheckpointStore open(String yaml, Map<String, String> environment) {
    ServeFile.StorePart part =
        ServeFile.parse(yaml, "test").store().orElse(ServeFile.StorePart.EMPTY);
    return StoreSettings.open(part, data, environment);
  }

  private static void write(CheckpointStore store) {
    try (CheckpointWriter writer = store.begin()) {
      writer.write(
          "part",
          0,
          ByteBuffer.wrap(
              "a secret text".repeat(99).getBytes(java.nio.charset.StandardCharsets.UTF_8)));
      writer.commit("{}");
    }
  }

  @Test
  void byDefaultAFolderOfTheDataFolder() {
    try (CheckpointStore store = open("", Map.of())) {
      write(store);
    }
    assertThat(data.resolve("store").resolve("chunks")).isDirectory();
  }

  @Test
  void anotherFolderAndAKey() throws Exception {
    Path other = data.resolve("elsewhere");
    Path key = Files.writeString(data.resolve("key"), KEY);
    String yaml = "store: {url: '" + other.toUri() + "', key_file: " + key + "}";
    try (CheckpointStore store = open(yaml, Map.of())) {
      write(store);
    }
    assertThat(other.resolve("chunks")).isDirectory();
    // Who does not have the key does not open it.
    refused("store: {url: '" + other.toUri() + "'}", Map.of());
    try (CheckpointStore store =
        open("store: {url: '" + other.toUri() + "'}", Map.of(StoreSettings.KEY, KEY))) {
      assertThat(store.ids()).hasSize(1);
    }
    refused(yaml, Map.of(StoreSettings.KEY, KEY));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "store: {url: 'ftp://host/x'}",
        "store: {url: 'nowhere'}",
        "store: {url: 's3:///prefix'}",
        "store: {url: 'file:// x'}",
        "store: {key_file: /does/not/exist}",
        "store: {unknown: 1}"
      })
  void whatCannotBeIsRefused(String yaml) {
    refused(yaml, Map.of());
  }

  private void refused(String yaml, Map<String, String> environment) {
    assertThatThrownBy(() -> open(yaml, environment).close())
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG));
  }
}
