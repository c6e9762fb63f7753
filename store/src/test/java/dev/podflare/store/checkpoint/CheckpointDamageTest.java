package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every class of bytes of a stored checkpoint is changed or cut; none of it is read as right. */
class CheckpointDamageTest {
  private static final int HEADER = 16;

  @TempDir Path folder;

  private CheckpointStore open(boolean encrypted) {
    CheckpointStoreConfig config = CheckpointStoreConfig.defaults();
    return CheckpointStore.open(
        FolderBlobs.open(folder), encrypted ? config.withKey(StoreKey.of(new byte[32])) : config);
  }

  private static byte[] noise(int seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static byte[] text(int seed, int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) seed);
    return bytes;
  }

  /** One chunk that is compressed and one that is not. */
  private static StoredCheckpoint write(CheckpointStore store, int seed) {
    try (CheckpointWriter writer = store.begin()) {
      writer.write("memory", 1 << 20, ByteBuffer.wrap(noise(seed, 5000)));
      writer.write("device", 0, ByteBuffer.wrap(text(seed, 5000)));
      return writer.commit("{\"seed\":" + seed + "}");
    }
  }

  private static void assertReads(CheckpointStore store, String id, int seed) {
    StoredCheckpoint stored = store.read(id);
    stored.read(
        "memory",
        (offset, bytes) -> assertThat(bytes).isEqualTo(ByteBuffer.wrap(noise(seed, 5000))));
    stored.read(
        "device",
        (offset, bytes) -> assertThat(bytes).isEqualTo(ByteBuffer.wrap(text(seed, 5000))));
  }

  private static void readAll(CheckpointStore store, String id) {
    StoredCheckpoint stored = store.read(id);
    stored.parts().forEach(part -> stored.read(part, (offset, bytes) -> {}));
  }

  private List<Path> files(String subfolder) throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve(subfolder))) {
      return files.filter(Files::isRegularFile).sorted().toList();
    }
  }

  /** Each bit of the header, some of the rest, and cuts. */
  private static List<byte[]> damages(byte[] right) {
    List<byte[]> wrong = new ArrayList<>();
    for (int i = 0; i < right.length; i += i < HEADER + 16 ? 1 : 1 + right.length / 40) {
      for (int bit = 0; bit < 8; bit += i < HEADER ? 1 : 5) {
        byte[] flipped = right.clone();
        flipped[i] ^= (byte) (1 << bit);
        wrong.add(flipped);
      }
      wrong.add(Arrays.copyOf(right, i));
    }
    byte[] last = right.clone();
    last[right.length - 1] ^= 1;
    wrong.add(last);
    wrong.add(Arrays.copyOf(right, right.length - 1));
    wrong.add(Arrays.copyOf(right, right.length + 1));
    wrong.add(new byte[right.length]);
    return wrong;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void noDamageToAChunkIsReadAsRight(boolean encrypted) throws IOException {
    try (CheckpointStore store = open(encrypted)) {
      StoredCheckpoint damaged = write(store, 1);
      List<Path> chunks = files("chunks");
      StoredCheckpoint other = write(store, 2);
      for (Path chunk : chunks) {
        byte[] right = Files.readAllBytes(chunk);
        for (byte[] wrong : damages(right)) {
          Files.write(chunk, wrong);
          assertThatThrownBy(() -> readAll(store, damaged.id()))
              .satisfies(Codes.is(ErrorCode.CHECKPOINT_CORRUPT));
        }
        assertReads(store, other.id(), 2);
        Files.write(chunk, right);
        assertReads(store, damaged.id(), 1);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void noDamageToAManifestIsReadAsRight(boolean encrypted) throws IOException {
    try (CheckpointStore store = open(encrypted)) {
      StoredCheckpoint damaged = write(store, 1);
      Path manifest = files("checkpoints").getFirst();
      StoredCheckpoint other = write(store, 2);
      byte[] right = Files.readAllBytes(manifest);
      for (byte[] wrong : damages(right)) {
        Files.write(manifest, wrong);
        assertThatThrownBy(() -> store.read(damaged.id()))
            .satisfies(Codes.is(ErrorCode.CHECKPOINT_CORRUPT))
            .hasMessageContaining(damaged.id());
      }
      assertReads(store, other.id(), 2);
      assertThat(store.ids()).containsExactlyInAnyOrder(damaged.id(), other.id());
      Files.write(manifest, right);
      assertReads(store, damaged.id(), 1);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void objectsThatChangedTheirNamesAreNoticed(boolean encrypted) throws IOException {
    try (CheckpointStore store = open(encrypted)) {
      StoredCheckpoint one = write(store, 1);
      StoredCheckpoint two = write(store, 2);
      for (String kind : List.of("chunks", "checkpoints")) {
        List<Path> files = files(kind);
        byte[] first = Files.readAllBytes(files.getFirst());
        byte[] last = Files.readAllBytes(files.getLast());
        Files.write(files.getFirst(), last);
        Files.write(files.getLast(), first);
        assertThatThrownBy(
                () -> {
                  readAll(store, one.id());
                  readAll(store, two.id());
                })
            .satisfies(Codes.is(ErrorCode.CHECKPOINT_CORRUPT));
        Files.write(files.getFirst(), first);
        Files.write(files.getLast(), last);
      }
      Path manifest = files("checkpoints").getFirst();
      Path chunk = files("chunks").getFirst();
      byte[] right = Files.readAllBytes(manifest);
      Files.copy(chunk, manifest, StandardCopyOption.REPLACE_EXISTING);
      assertThatThrownBy(() -> store.read(manifest.getFileName().toString()))
          .satisfies(Codes.is(ErrorCode.CHECKPOINT_CORRUPT));
      Files.write(manifest, right);
      assertReads(store, one.id(), 1);
      assertReads(store, two.id(), 2);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theErrorSaysWhatIsLost(boolean encrypted) throws IOException {
    try (CheckpointStore store = open(encrypted)) {
      StoredCheckpoint stored;
      try (CheckpointWriter writer = store.begin()) {
        writer.write("memory", 0, ByteBuffer.wrap(noise(1, 256 << 10)));
        writer.write("memory", 9 << 20, ByteBuffer.wrap(noise(2, 8192)));
        stored = writer.commit("");
      }
      Path small =
          files("chunks").stream().filter(it -> it.toFile().length() < 10_000).findAny().get();
      Files.delete(small);
      PodflareException lost =
          catchThrowableOfType(PodflareException.class, () -> readAll(store, stored.id()));
      assertThat(lost).satisfies(Codes.is(ErrorCode.CHECKPOINT_CORRUPT));
      assertThat(lost.details())
          .containsEntry("checkpoint", stored.id())
          .containsEntry("part", "memory")
          .containsEntry("offset", (long) (9 << 20))
          .containsEntry("length", 8192L)
          .containsEntry("chunk", small.getFileName().toString());
      long[] readBefore = {0};
      assertThatThrownBy(
          () -> stored.read("memory", (offset, bytes) -> readBefore[0] += bytes.remaining()));
      assertThat(readBefore[0]).isEqualTo(256 << 10);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theSameBytesOnceMoreHealAChunk(boolean encrypted) throws IOException {
    try (CheckpointStore store = open(encrypted)) {
      StoredCheckpoint damaged = write(store, 1);
      for (Path chunk : files("chunks")) {
        Files.write(chunk, new byte[100]);
        assertThatThrownBy(() -> readAll(store, damaged.id()));
      }
      files("chunks").forEach(it -> assertThat(it.toFile().length()).isEqualTo(100));
      for (String part : damaged.parts()) {
        assertThatThrownBy(() -> damaged.read(part, (offset, bytes) -> {}));
      }
      write(store, 1);
      assertReads(store, damaged.id(), 1);
    }
  }
}
