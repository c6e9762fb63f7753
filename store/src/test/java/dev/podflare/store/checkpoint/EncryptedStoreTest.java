package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EncryptedStoreTest {
  private static final CheckpointStoreConfig PLAIN = CheckpointStoreConfig.defaults();
  private static final StoreKey KEY = StoreKey.of(new byte[32]);
  private static final String SECRET = "the-users-secret-that-nobody-may-read ";

  @TempDir Path folder;

  private CheckpointStore open(CheckpointStoreConfig config) {
    return CheckpointStore.open(FolderBlobs.open(folder), config);
  }

  private static String write(CheckpointStore store) {
    try (CheckpointWriter writer = store.begin()) {
      byte[] page = SECRET.repeat(10).getBytes(StandardCharsets.UTF_8);
      writer.write("memory", 0, ByteBuffer.wrap(page));
      return writer.commit(SECRET).id();
    }
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  @Test
  void noObjectHasPlainBytes() throws IOException {
    try (CheckpointStore store = open(PLAIN.withKey(KEY))) {
      write(store);
      for (Path file : files()) {
        assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
            .doesNotContain("the-users-secret");
      }
    }
  }

  @Test
  void namesTellNothingOfContents() throws IOException {
    Path other = folder.resolve("other");
    try (CheckpointStore one =
            CheckpointStore.open(FolderBlobs.open(folder.resolve("one")), PLAIN.withKey(KEY));
        CheckpointStore two = CheckpointStore.open(FolderBlobs.open(other), PLAIN.withKey(KEY))) {
      write(one);
      write(two);
      write(two);
      List<String> chunks =
          files().stream()
              .filter(it -> it.toString().contains("/chunks/"))
              .map(it -> it.getFileName().toString())
              .toList();
      assertThat(chunks).hasSize(2).doesNotHaveDuplicates();
    }
  }

  @Test
  void aWrongKeyIsSaidSo() {
    open(PLAIN.withKey(KEY)).close();
    byte[] other = new byte[32];
    other[31] = 1;
    assertThatThrownBy(() -> open(PLAIN.withKey(StoreKey.of(other))))
        .satisfies(Codes.is(ErrorCode.INVALID_CONFIG))
        .hasMessageContaining("does not open with the configured key");
  }

  @Test
  void aMissingKeyAndOneTooManyAreSaidSo() throws IOException {
    String id;
    try (CheckpointStore store = open(PLAIN.withKey(KEY))) {
      id = write(store);
    }
    assertThatThrownBy(() -> open(PLAIN))
        .satisfies(Codes.is(ErrorCode.INVALID_CONFIG))
        .hasMessageContaining("is encrypted; configure its key");
    try (CheckpointStore store = open(PLAIN.withKey(KEY))) {
      assertThat(store.read(id).attributes()).isEqualTo(SECRET);
    }
    BlobStore plain = FolderBlobs.open(folder.resolve("plain"));
    CheckpointStore.open(plain, PLAIN).close();
    assertThatThrownBy(() ->
            CheckpointStore.open(FolderBlobs.open(folder.resolve("plain")), PLAIN.withKey(KEY)))
        .satisfies(Codes.is(ErrorCode.INVALID_CONFIG))
        .hasMessageContaining("is not encrypted");
  }

  @Test
  void aDamagedOrLostDescriptionIsNotReplaced() throws IOException {
    try (CheckpointStore store = open(PLAIN.withKey(KEY))) {
      write(store);
    }
    Path description = folder.resolve("store.json");
    byte[] right = Files.readAllBytes(description);
    for (int i = 0; i < right.length; i += 3) {
      byte[] wrong = right.clone();
      wrong[i] ^= 2;
      Files.write(description, wrong);
      assertThatThrownBy(() -> open(PLAIN.withKey(KEY)))
          .satisfies(Codes.is(ErrorCode.INVALID_CONFIG, ErrorCode.CHECKPOINT_CORRUPT));
      Files.write(description, Arrays.copyOf(right, i));
      assertThatThrownBy(() -> open(PLAIN.withKey(KEY)))
          .satisfies(Codes.is(ErrorCode.CHECKPOINT_CORRUPT));
    }
    Files.delete(description);
    assertThatThrownBy(() -> open(PLAIN.withKey(KEY)))
        .satisfies(Codes.is(ErrorCode.CHECKPOINT_CORRUPT))
        .hasMessageContaining("store.json of the checkpoint store is missing");
    Files.write(description, right);
    open(PLAIN.withKey(KEY)).close();
  }

  @Test
  void keysAreReadAsHexBase64AndBytes() throws IOException {
    byte[] bytes = new byte[32];
    new Random(1).nextBytes(bytes);
    StoreKey key = StoreKey.of(bytes);
    assertThat(StoreKey.parse(HexFormat.of().formatHex(bytes) + "\n", "x")).isEqualTo(key);
    assertThat(StoreKey.parse(Base64.getEncoder().encodeToString(bytes), "x")).isEqualTo(key);
    assertThat(StoreKey.read(Files.write(folder.resolve("raw"), bytes))).isEqualTo(key);
    Path hex = Files.writeString(folder.resolve("hex"), HexFormat.of().formatHex(bytes) + "\n");
    assertThat(StoreKey.read(hex)).isEqualTo(key);
    for (String wrong : List.of("", "hunter2", "zz".repeat(32), "ab".repeat(31), "a b c")) {
      assertThatThrownBy(() -> StoreKey.parse(wrong, "the variable X"))
          .satisfies(Codes.is(ErrorCode.INVALID_CONFIG))
          .hasMessageContaining("the variable X")
          .hasMessageContaining("openssl rand -hex 32");
    }
    assertThatThrownBy(() -> StoreKey.read(folder.resolve("nowhere")))
        .satisfies(Codes.is(ErrorCode.INVALID_CONFIG));
  }
}
