package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GarbageCollectorTest {
  private static final Duration DAY = Duration.ofDays(1);
  private static final CheckpointStoreConfig CONFIG =
      CheckpointStoreConfig.defaults().withGrace(Duration.ofHours(1), Duration.ofSeconds(1));

  @TempDir Path folder;
  private AgedBlobs blobs;
  private CheckpointStore store;
  private CheckpointStore other;

  /** Two stores on the same objects know nothing of each other, like two processes. */
  @BeforeEach
  void open() {
    blobs = new AgedBlobs(FolderBlobs.open(folder));
    store = CheckpointStore.open(blobs, CONFIG, blobs.clock());
    other = CheckpointStore.open(blobs, CONFIG, blobs.clock());
  }

  @AfterEach
  void close() {
    store.close();
    other.close();
    blobs.end();
  }

  private static byte[] page(int seed) {
    byte[] page = new byte[4096];
    new Random(seed).nextBytes(page);
    return page;
  }

  private static StoredCheckpoint write(CheckpointStore store, int... seeds) {
    try (CheckpointWriter writer = store.begin()) {
      for (int seed : seeds) {
        writer.write("part-" + seed, 0, ByteBuffer.wrap(page(seed)));
      }
      return writer.commit("");
    }
  }

  private static void assertReads(CheckpointStore store, String id, int... seeds) {
    for (int seed : seeds) {
      store
          .read(id)
          .read("part-" + seed, (at, it) -> assertThat(it).isEqualTo(ByteBuffer.wrap(page(seed))));
    }
  }

  private long objects(String subfolder) throws IOException {
    Path path = folder.resolve(subfolder);
    if (!Files.isDirectory(path)) {
      return 0;
    }
    try (Stream<Path> files = Files.walk(path)) {
      return files.filter(Files::isRegularFile).count();
    }
  }

  @Test
  void aManifestThatCannotBeReadStopsTheSweepAndIsNamed() throws IOException {
    write(store, 1);
    String damaged = write(store, 2).id();
    String deleted = write(store, 3).id();
    store.delete(deleted);
    blobs.pass(DAY);
    Path manifest = folder.resolve("checkpoints").resolve(damaged);
    byte[] right = Files.readAllBytes(manifest);
    Files.write(manifest, new byte[10]);
    GcReport report = store.collect();
    assertThat(report.complete()).isFalse();
    assertThat(report.problems()).singleElement().asString().contains(damaged);
    assertThat(objects("chunks")).isEqualTo(3);
    Files.write(manifest, right);
    assertThat(store.collect().deletedChunks()).isEqualTo(1);
    assertReads(store, damaged, 2);
  }

  @Test
  void anObjectThatIsNotKnownStopsTheSweepOrStays() throws IOException {
    store.delete(write(store, 1).id());
    blobs.put("checkpoints/of-a-later-version", new byte[1]);
    blobs.put("chunks/something", new byte[1]);
    blobs.pass(DAY);
    assertThat(store.collect().problems()).singleElement().asString().contains("later-version");
    assertThat(store.ids()).isEmpty();
    blobs.delete("checkpoints/of-a-later-version");
    assertThat(store.collect().deletedChunks()).isEqualTo(1);
    assertThat(blobs.head("chunks/something")).isPresent();
  }

  @Test
  void anOldChunkThatIsUsedAgainIsMadeYoungAndAddsNothing() {
    String first = write(store, 1).id();
    blobs.pass(DAY);
    StoredCheckpoint second = write(other, 1);
    assertThat(second.addedBytes()).isZero();
    store.delete(first);
    assertThat(store.collect().deletedChunks()).isZero();
    assertReads(store, second.id(), 1);
  }

  @Test
  void whatIsPutWhileACollectionSettlesStays() throws Exception {
    store.delete(write(store, 1, 2, 3).id());
    blobs.pass(DAY);
    CheckpointWriter early = other.begin();
    early.write("part-1", 0, ByteBuffer.wrap(page(1)));
    try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
      Future<GcReport> collection = threads.submit(store::collect);
      Awaitility.await().until(() -> objects("gc/condemned") == 1);
      StoredCheckpoint late = write(other, 2);
      String id = early.commit("").id();
      assertThat(collection.get().complete()).isTrue();
      assertReads(store, id, 1);
      assertReads(store, late.id(), 2);
    }
    assertThat(objects("gc")).isZero();
    assertReads(other, write(other, 3).id(), 3);
  }

  @Test
  void aCondemnedNameIsNotUsedAgain() throws IOException {
    String deleted = write(store, 1).id();
    String name = blobs.list("chunks/", "", 1).getFirst().name();
    store.delete(deleted);
    blobs.pass(DAY);
    // A collector that was killed while it deleted: any of its calls may still be on its way.
    blobs.put(
        "gc/condemned/dead",
        ("podflare condemned 1\n" + name + "\nend\n").getBytes(StandardCharsets.US_ASCII));
    try (CheckpointStore fresh = CheckpointStore.open(blobs, CONFIG, blobs.clock())) {
      StoredCheckpoint written = write(fresh, 1);
      assertThat(objects("chunks")).isEqualTo(2);
      blobs.delete(name);
      assertReads(fresh, written.id(), 1);
      assertThat(write(fresh, 1).addedBytes()).isZero();
      blobs.pass(DAY);
      assertThat(fresh.collect().complete()).isTrue();
      assertThat(objects("gc")).isZero();
      assertReads(fresh, written.id(), 1);
      fresh.delete(written.id());
      fresh.ids().forEach(fresh::delete);
      blobs.pass(DAY);
      fresh.collect();
      assertThat(objects("chunks")).isZero();
    }
  }

  @Test
  void aListOfCondemnedThatIsCutCondemnsAll() throws IOException {
    blobs.put(
        "gc/condemned/cut", "podflare condemned 1\nchunks/".getBytes(StandardCharsets.US_ASCII));
    StoredCheckpoint written = write(store, 1);
    assertReads(store, written.id(), 1);
    assertThat(blobs.list("chunks/", "", 10))
        .singleElement()
        .satisfies(it -> assertThat(it.name()).matches(".*-[0-9a-f]{8}"));
  }

  @Test
  void oneOfTwoCollectionsStandsBackAndADeadOneIsReplaced() throws Exception {
    store.delete(write(store, 1).id());
    blobs.pass(DAY);
    try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
      Future<GcReport> first = threads.submit(store::collect);
      Awaitility.await().until(() -> objects("gc/condemned") == 1);
      assertThat(other.collect().problems()).containsExactly("another collection is under way");
      assertThat(first.get().deletedChunks()).isEqualTo(1);
    }
    blobs.put("gc/lease", new byte[10]);
    assertThat(other.collect().complete()).isFalse();
    blobs.pass(Duration.ofMinutes(30));
    assertThat(other.collect().complete()).isTrue();
    assertThat(objects("gc")).isZero();
  }

  @Test
  void twoCollectionsBesideEachOtherHarmNothing() throws Exception {
    String kept = write(store, 1, 2).id();
    store.delete(write(store, 3, 4).id());
    blobs.pass(DAY);
    try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
      Future<GcReport> first = threads.submit(store::collect);
      Awaitility.await().until(() -> objects("gc/condemned") == 1);
      blobs.delete("gc/lease");
      assertThat(other.collect().complete()).isTrue();
      assertThat(first.get().complete()).isTrue();
    }
    assertThat(objects("chunks")).isEqualTo(2);
    assertReads(store, kept, 1, 2);
  }

  @Test
  void aWriterThatTakesTooLongFailsInsteadOfPromising() throws Exception {
    CheckpointStoreConfig hasty = CONFIG.withGrace(Duration.ofMillis(1500), Duration.ofMillis(125));
    try (CheckpointStore fast = CheckpointStore.open(blobs, hasty, blobs.clock());
        CheckpointWriter writer = fast.begin()) {
      writer.size("memory", 10);
      Thread.sleep(600);
      assertThatThrownBy(() -> writer.commit(""))
          .satisfies(Codes.is(ErrorCode.STORE_UNAVAILABLE))
          .hasMessageContaining("a third of the store's grace");
      assertThat(fast.ids()).isEmpty();
    }
  }

  @Test
  void writersBesideCollectionsLoseNothing() throws Exception {
    CheckpointStoreConfig quick = CONFIG.withGrace(Duration.ofSeconds(36), Duration.ofSeconds(1));
    try (CheckpointStore writing = CheckpointStore.open(blobs, quick, blobs.clock());
        CheckpointStore collecting = CheckpointStore.open(blobs, quick, blobs.clock());
        ExecutorService threads = Executors.newSingleThreadExecutor()) {
      Future<Long> collections = threads.submit(() -> collectFor(collecting, 4));
      Random random = new Random(5);
      while (!collections.isDone()) {
        int[] seeds = {random.nextInt(30), 30 + random.nextInt(30)};
        String id = write(writing, seeds).id();
        assertReads(collecting, id, seeds);
        if (random.nextInt(4) > 0) {
          writing.delete(id);
        }
        blobs.pass(Duration.ofSeconds(random.nextInt(3)));
      }
      assertThat(collections.get()).isPositive();
      for (String id : writing.ids()) {
        StoredCheckpoint stored = writing.read(id);
        int[] seeds =
            stored.parts().stream().mapToInt(it -> Integer.parseInt(it.substring(5))).toArray();
        assertReads(writing, id, seeds);
      }
    }
  }

  private static long collectFor(CheckpointStore collecting, int seconds) {
    long deleted = 0;
    long begin = System.nanoTime();
    long end = begin + Duration.ofSeconds(seconds).toNanos();
    long latest = begin + Duration.ofMinutes(1).toNanos(); // writers on a slow host make little old
    while (System.nanoTime() < end || (deleted == 0 && System.nanoTime() < latest)) {
      GcReport report = collecting.collect();
      assertThat(report.problems()).isEqualTo(List.of());
      deleted += report.deletedChunks();
    }
    return deleted;
  }
}
