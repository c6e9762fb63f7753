package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.store.testing.S3Process;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceAccessMode;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

/** Processes are killed while they write, delete and collect. */
@ResourceLock(value = Resources.SYSTEM_PROPERTIES, mode = ResourceAccessMode.READ)
class CheckpointKillTest {
  private static final int ROUNDS = 3;

  @TempDir Path folder;
  private final Map<String, Integer> promised = new HashMap<>();
  private final Random random = new Random();

  private void note(Path output) throws IOException {
    for (String line : Files.readAllLines(output)) {
      List<String> words = List.of(line.split(" ", -1));
      if (words.getFirst().equals("committed") && words.size() == 3) {
        promised.put(words.get(1), Integer.parseInt(words.get(2)));
      } else if (words.getFirst().equals("deleting")) {
        promised.remove(words.get(1));
      }
    }
  }

  private void awaitLines(Path output, String word, int count) {
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> {
          try (Stream<String> lines = Files.lines(output)) {
            return lines.filter(it -> it.startsWith(word)).count() >= count;
          }
        });
  }

  private void assertPromisesHold(CheckpointStore store) {
    assertThat(store.ids()).containsAll(promised.keySet());
    promised.forEach((id, seed) -> StoreChild.assertReads(store.read(id), seed));
  }

  /** Two days later, when all that nobody promised may go. */
  private void assertTheRestIsCollected(List<String> place) {
    Clock later = Clock.offset(Clock.systemUTC(), Duration.ofDays(2));
    try (CheckpointStore store =
        CheckpointStore.open(StoreChild.blobs(place), StoreChild.config(60), later)) {
      assertThat(store.collect().problems()).isEmpty();
      assertPromisesHold(store);
      store.ids().forEach(store::delete);
      assertThat(store.collect().problems()).isEmpty();
      assertThat(store.usage()).isEqualTo(new StoreUsage(0, 0, 0));
    }
  }

  @Test
  void whatWasPromisedIsThereAfterKillsAndTheRestIsCollected() throws Exception {
    List<String> place = List.of("folder", folder.resolve("store").toString());
    for (int round = 0; round < ROUNDS; round++) {
      Path output = folder.resolve("output-" + round);
      Process child = StoreChild.start(place, 6, output);
      try {
        awaitLines(output, round % 2 == 0 ? "committed" : "collected", 2);
        Thread.sleep(random.nextInt(800));
      } finally {
        child.destroyForcibly().waitFor(); // kill -9
      }
      note(output);
      try (CheckpointStore store =
          CheckpointStore.open(StoreChild.blobs(place), StoreChild.config(6))) {
        assertPromisesHold(store);
      }
    }
    assertThat(promised).isNotEmpty();
    assertTheRestIsCollected(place);
    try (Stream<Path> scratch = Files.list(folder.resolve("store/tmp"))) {
      assertThat(scratch).isEmpty();
    }
  }

  @Test
  void processesThatShareAnS3KeepTheirPromisesBesideEachOthersCollections() throws Exception {
    String bucket = S3Process.get().freshBucket().bucket();
    List<String> place = List.of("s3", S3Process.get().endpoint().toString(), bucket);
    Path one = folder.resolve("one");
    Path two = folder.resolve("two");
    Process first = StoreChild.start(place, 4, one);
    Process second = StoreChild.start(place, 4, two);
    try {
      awaitLines(one, "committed", 3);
      awaitLines(two, "committed", 3);
      Awaitility.await()
          .atMost(Duration.ofMinutes(2))
          .until(() -> deletions(one) + deletions(two) > 0);
      Thread.sleep(random.nextInt(1000));
    } finally {
      first.destroyForcibly().waitFor();
      second.destroyForcibly().waitFor();
    }
    note(one);
    note(two);
    try (CheckpointStore store =
        CheckpointStore.open(StoreChild.blobs(place), StoreChild.config(6))) {
      assertPromisesHold(store);
    }
    assertTheRestIsCollected(place);
  }

  private static long deletions(Path output) throws IOException {
    try (Stream<String> lines = Files.lines(output)) {
      return lines
          .filter(it -> it.startsWith("collected ") && !it.startsWith("collected 0 "))
          .count();
    }
  }
}
