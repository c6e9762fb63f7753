package dev.podflare.store.checkpoint;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.store.testing.S3Process;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceAccessMode;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Random writes, reads, deletes, collections and restarts, against plain arrays. */
@ResourceLock(value = Resources.SYSTEM_PROPERTIES, mode = ResourceAccessMode.READ)
class CheckpointModelTest {
  private static final CheckpointStoreConfig CONFIG =
      CheckpointStoreConfig.defaults().withGrace(Duration.ofHours(1), Duration.ofSeconds(1));

  @TempDir Path folder;
  private final Map<String, Map<String, SparseModel>> expected = new LinkedHashMap<>();
  private final List<SparseModel> old = new ArrayList<>();

  @ParameterizedTest
  @CsvSource({"1, folder, false, 40", "2, folder, true, 40", "3, s3, false, 12", "4, s3, true, 12"})
  void theStoreHoldsWhatTheModelHolds(long seed, String backEnd, boolean encrypted, int steps) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    CheckpointStoreConfig config = encrypted ? CONFIG.withKey(StoreKey.of(new byte[32])) : CONFIG;
    AgedBlobs blobs = backEnd(backEnd);
    CheckpointStore store = CheckpointStore.open(blobs, config, blobs.clock());
    for (int step = 0; step < steps; step++) {
      switch (random.nextInt(8)) {
        case 0 -> deleteOne(store, random);
        case 1 -> {
          store.close();
          blobs.pass(Duration.ofMinutes(random.nextInt(90)));
          store = CheckpointStore.open(blobs, config, blobs.clock());
        }
        case 2 -> assertThat(store.collect().problems()).isEmpty();
        case 3, 4 -> readOne(store, random);
        default -> writeOne(store, random);
      }
    }
    store.close();
    blobs.pass(Duration.ofDays(2));
    assertAllIsThereAndNothingElse(CheckpointStore.open(blobs, config, blobs.clock()));
    blobs.end();
  }

  private void assertAllIsThereAndNothingElse(CheckpointStore store) {
    assertThat(store.collect().problems()).isEmpty();
    assertThat(store.ids()).containsExactlyInAnyOrderElementsOf(expected.keySet());
    expected.forEach((id, parts) -> assertReads(store, id, parts));
    expected.keySet().forEach(store::delete);
    assertThat(store.collect().problems()).isEmpty();
    assertThat(store.usage()).isEqualTo(new StoreUsage(0, 0, 0));
    store.close();
  }

  private AgedBlobs backEnd(String name) {
    return new AgedBlobs(
        name.equals("folder")
            ? FolderBlobs.open(folder)
            : S3Blobs.open(S3Process.get().freshBucket()));
  }

  private void writeOne(CheckpointStore store, RandomGenerator random) {
    Map<String, SparseModel> parts = new LinkedHashMap<>();
    try (CheckpointWriter writer = store.begin()) {
      for (int i = random.nextInt(3); i >= 0; i--) {
        SparseModel part = anyPart(random);
        parts.put("part-" + i, part);
        part.writeTo(writer, "part-" + i, random);
      }
      if (random.nextInt(5) > 0) {
        writer.commit("attributes of " + writer.id());
        expected.put(writer.id(), parts);
      }
    }
  }

  /** New, as it was in another checkpoint, or a little changed since. */
  private SparseModel anyPart(RandomGenerator random) {
    int choice = old.isEmpty() ? 0 : random.nextInt(3);
    SparseModel part =
        switch (choice) {
          case 0 -> SparseModel.random(random, 1 + random.nextInt(3 << 20));
          case 1 -> old.get(random.nextInt(old.size()));
          default -> old.get(random.nextInt(old.size())).changed(random);
        };
    old.add(part);
    return part;
  }

  private void readOne(CheckpointStore store, RandomGenerator random) {
    if (!expected.isEmpty()) {
      String id = anyId(random);
      assertReads(store, id, requireNonNull(expected.get(id)));
    }
  }

  private void deleteOne(CheckpointStore store, RandomGenerator random) {
    if (!expected.isEmpty()) {
      String id = anyId(random);
      expected.remove(id);
      assertThat(store.delete(id)).isTrue();
    }
  }

  private String anyId(RandomGenerator random) {
    return List.copyOf(expected.keySet()).get(random.nextInt(expected.size()));
  }

  private static void assertReads(
      CheckpointStore store, String id, Map<String, SparseModel> parts) {
    StoredCheckpoint stored = store.read(id);
    assertThat(stored.attributes()).isEqualTo("attributes of " + id);
    assertThat(stored.parts()).containsExactlyElementsOf(parts.keySet());
    parts.forEach((name, part) -> part.assertEqual(stored, name));
  }
}
