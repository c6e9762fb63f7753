package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointStoreTest {
  private static final CheckpointStoreConfig CONFIG =
      CheckpointStoreConfig.defaults().withGrace(Duration.ofHours(1), Duration.ofMillis(800));

  @TempDir Path folder;
  private CheckpointStore store;

  @BeforeEach
  void open() {
    store = CheckpointStore.open(FolderBlobs.open(folder), CONFIG);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private static RandomGenerator random(long seed) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  private static ByteBuffer utf8(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  /** A store on the same objects for which all that there is now is old. */
  private CheckpointStore later() {
    return CheckpointStore.open(
        FolderBlobs.open(folder), CONFIG, Clock.offset(Clock.systemUTC(), Duration.ofHours(2)));
  }

  @Test
  void whatWasCommittedIsReadAgain() {
    SparseModel memory = SparseModel.random(random(1), 20 << 20);
    String id;
    try (CheckpointWriter writer = store.begin()) {
      id = writer.id();
      memory.writeTo(writer, "memory", random(2));
      writer.write("device", 0, utf8("state"));
      StoredCheckpoint committed = writer.commit("{\"a\":1}");
      memory.assertEqual(committed, "memory");
    }
    StoredCheckpoint read = store.read(id);
    memory.assertEqual(read, "memory");
    assertThat(read.parts()).containsExactly("memory", "device");
    assertThat(read.attributes()).isEqualTo("{\"a\":1}");
    assertThat(read.size("device")).isEqualTo(5);
    assertThat(read.ownBytes()).isEqualTo(memory.ownBytes() + 5);
    assertThat(store.ids()).containsExactly(id);
    assertThat(id).matches("chk_[0-9a-f]{32}");
  }

  @Test
  void anyRangeIsReadAtRandom() {
    RandomGenerator random = random(3);
    SparseModel memory = SparseModel.random(random, 12 << 20);
    try (CheckpointWriter writer = store.begin()) {
      memory.writeTo(writer, "memory", random);
      StoredCheckpoint stored = writer.commit("");
      for (int i = 0; i < 30; i++) {
        int offset = random.nextInt(memory.size());
        int length = random.nextInt(Math.min(1 << 20, memory.size() - offset));
        memory.assertEqual(stored, "memory", new PartRange(offset, length));
        stored
            .window("memory", offset)
            .ifPresent(window -> assertThat(window.end()).isGreaterThan(offset));
      }
      assertThat(stored.runs("memory").stream().mapToLong(PartRange::length).sum())
          .isEqualTo(memory.ownBytes());
    }
  }

  @Test
  void equalContentIsStoredOnce() {
    SparseModel memory = SparseModel.random(random(4), 4 << 20);
    StoredCheckpoint first = write(memory, 1);
    long bytes = store.usage().bytes();
    StoredCheckpoint second = write(memory, 2);
    assertThat(first.addedBytes()).isPositive();
    assertThat(second.addedBytes()).isZero();
    assertThat(store.usage().bytes() - bytes).isLessThan(20_000);
    assertThat(store.usage().checkpoints()).isEqualTo(2);
  }

  private StoredCheckpoint write(SparseModel memory, long seed) {
    try (CheckpointWriter writer = store.begin()) {
      memory.writeTo(writer, "memory", random(seed));
      return writer.commit("");
    }
  }

  @Test
  void aPageOfZerosIsPresentButStoredNowhere() {
    try (CheckpointWriter writer = store.begin()) {
      writer.write("memory", 4096, ByteBuffer.allocate(8 << 20));
      StoredCheckpoint stored = writer.commit("");
      assertThat(stored.ownBytes()).isEqualTo(8 << 20);
      assertThat(stored.addedBytes()).isZero();
      assertThat(store.usage().chunks()).isZero();
      long[] read = {0};
      stored.read("memory", (offset, bytes) -> read[0] += bytes.remaining());
      assertThat(read[0]).isEqualTo(8 << 20);
    }
  }

  @Test
  void emptyCheckpointsAndPartsAreKept() {
    try (CheckpointWriter writer = store.begin()) {
      assertThat(writer.commit("none").parts()).isEmpty();
    }
    try (CheckpointWriter writer = store.begin()) {
      writer.size("disk", 1L << 40);
      StoredCheckpoint stored = writer.commit("");
      assertThat(stored.size("disk")).isEqualTo(1L << 40);
      stored.read("disk", (offset, bytes) -> assertThat(bytes.hasRemaining()).isFalse());
    }
  }

  @Test
  void whatIsNotCommittedIsNotThereAndIsCollected() {
    SparseModel kept = SparseModel.random(random(5), 3 << 20);
    String id = write(kept, 1).id();
    long chunks = store.usage().chunks();
    try (CheckpointWriter writer = store.begin()) {
      byte[] moreThanMayBeInFlight = new byte[24 << 20];
      random(6).nextBytes(moreThanMayBeInFlight);
      writer.write("memory", 0, ByteBuffer.wrap(moreThanMayBeInFlight));
    }
    store.close();
    assertThat(folder.resolve("checkpoints")).isDirectoryNotContaining(it -> !it.endsWith(id));
    store = later();
    assertThat(store.usage().chunks()).isGreaterThan(chunks);
    GcReport report = store.collect();
    assertThat(report.complete()).isTrue();
    assertThat(report.deletedChunks()).isPositive();
    assertThat(store.usage().chunks()).isEqualTo(chunks);
    kept.assertEqual(store.read(id), "memory");
  }

  @Test
  void aDeletedCheckpointIsGoneAndItsOwnChunksWithTheNextCollection() {
    SparseModel shared = SparseModel.random(random(8), 3 << 20);
    StoredCheckpoint first = write(shared, 1);
    StoredCheckpoint second = write(shared, 2);
    assertThat(store.delete(first.id())).isTrue();
    assertThat(store.delete(first.id())).isFalse();
    assertThatThrownBy(() -> store.read(first.id()))
        .satisfies(Codes.is(ErrorCode.CHECKPOINT_NOT_FOUND));
    try (CheckpointStore later = later()) {
      assertThat(later.collect().deletedChunks()).isZero();
      shared.assertEqual(later.read(second.id()), "memory");
      later.delete(second.id());
      assertThat(later.collect().deletedChunks()).isPositive();
      assertThat(later.usage()).isEqualTo(new StoreUsage(0, 0, 0));
      assertThatThrownBy(() -> second.read("memory", (offset, bytes) -> {}))
          .satisfies(Codes.is(ErrorCode.CHECKPOINT_NOT_FOUND));
    }
  }

  @Test
  void youngChunksStay() {
    try (CheckpointWriter writer = store.begin()) {
      SparseModel memory = SparseModel.random(random(9), 3 << 20);
      memory.writeTo(writer, "memory", random(1));
      assertThat(store.collect().deletedChunks()).isZero();
      memory.assertEqual(writer.commit(""), "memory");
    }
  }

  @Test
  void wrongUseIsRefused() {
    CheckpointWriter writer = store.begin();
    writer.write("memory", 100, utf8("abc"));
    assertThatThrownBy(() -> writer.write("memory", 102, utf8("x")))
        .hasMessageContaining("last write's end, 103");
    assertThatThrownBy(() -> writer.size("memory", 102)).hasMessageContaining("up to 103");
    assertThatThrownBy(() -> writer.write("", 0, utf8("x"))).hasMessageContaining("not a part");
    assertThatThrownBy(() -> writer.commit("x".repeat((1 << 20) + 1)))
        .satisfies(Codes.is(ErrorCode.PAYLOAD_TOO_LARGE));
    StoredCheckpoint stored = writer.commit("");
    assertThatThrownBy(() -> writer.write("memory", 200, utf8("x")))
        .hasMessageContaining("COMMITTED");
    assertThatThrownBy(() -> stored.size("disk")).hasMessageContaining("no part 'disk'");
    for (String id : List.of("", "chk_", "../x", "sbx_" + "0".repeat(32))) {
      assertThatThrownBy(() -> store.read(id)).satisfies(Codes.is(ErrorCode.CHECKPOINT_NOT_FOUND));
      assertThat(store.delete(id)).isFalse();
    }
  }
}
