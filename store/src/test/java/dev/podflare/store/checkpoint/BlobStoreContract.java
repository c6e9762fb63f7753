package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every back end does. */
abstract class BlobStoreContract {
  private BlobStore blobs;

  /** Opens one without objects. */
  abstract BlobStore open() throws Exception;

  @BeforeEach
  void openIt() throws Exception {
    blobs = open();
  }

  @AfterEach
  void closeIt() {
    blobs.close();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private String text(String name) {
    return new String(blobs.get(name, 0, 100).orElseThrow(), StandardCharsets.UTF_8);
  }

  @Test
  void whatWasPutIsThereUntilItIsDeleted() {
    blobs.put("chunks/ab/one", bytes("first"));
    blobs.sync(List.of("chunks/ab/one", "chunks/no/such"));
    assertThat(text("chunks/ab/one")).isEqualTo("first");
    blobs.put("chunks/ab/one", bytes("second"));
    assertThat(text("chunks/ab/one")).isEqualTo("second");
    blobs.delete("chunks/ab/one");
    blobs.delete("chunks/ab/one");
    assertThat(blobs.get("chunks/ab/one", 0, 100)).isEmpty();
    assertThat(blobs.head("chunks/ab/one")).isEmpty();
  }

  @Test
  void objectsMayBeEmptyAndAtTheTop() {
    blobs.put("store.json", bytes(""));
    assertThat(blobs.get("store.json", 0, 10)).hasValueSatisfying(it -> assertThat(it).isEmpty());
    assertThat(blobs.head("store.json")).hasValueSatisfying(it -> assertThat(it.size()).isZero());
  }

  @Test
  void headSaysSizeAndAge() {
    blobs.put("chunks/ab/one", bytes("12345"));
    BlobInfo info = blobs.head("chunks/ab/one").orElseThrow();
    assertThat(info.name()).isEqualTo("chunks/ab/one");
    assertThat(info.size()).isEqualTo(5);
    assertThat(Duration.between(info.lastModified(), Instant.now()).abs())
        .isLessThan(Duration.ofMinutes(1));
    assertThat(blobs.list("", "", 10)).containsExactly(info);
  }

  @Test
  void rangesEndWhereTheObjectEnds() {
    blobs.put("chunks/ab/one", bytes("0123456789"));
    assertThat(blobs.get("chunks/ab/one", 3, 4)).hasValue(bytes("3456"));
    assertThat(blobs.get("chunks/ab/one", 0, 4)).hasValue(bytes("0123"));
    assertThat(blobs.get("chunks/ab/one", 8, 4)).hasValue(bytes("89"));
    assertThat(blobs.get("chunks/ab/one", 10, 4)).hasValue(bytes(""));
    assertThat(blobs.get("chunks/ab/one", 1 << 20, 4)).hasValue(bytes(""));
    assertThat(blobs.get("chunks/ab/two", 3, 4)).isEmpty();
  }

  @Test
  void onePutIfAbsentOfManyWins() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Callable<Boolean>> puts = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        byte[] mine = bytes("of " + i);
        puts.add(() -> blobs.putIfAbsent("gc/lease", mine));
      }
      List<Future<Boolean>> wins = threads.invokeAll(puts);
      int winner = -1;
      for (int i = 0; i < wins.size(); i++) {
        if (wins.get(i).get()) {
          assertThat(winner).isEqualTo(-1);
          winner = i;
        }
      }
      assertThat(text("gc/lease")).isEqualTo("of " + winner);
    }
    assertThat(blobs.putIfAbsent("gc/lease", bytes("late"))).isFalse();
    blobs.delete("gc/lease");
    assertThat(blobs.putIfAbsent("gc/lease", bytes("late"))).isTrue();
  }

  @Test
  void listsAreInOrderAndByPages() {
    List<String> names =
        List.of(
            "a-b/x",
            "a.b",
            "a/1",
            "a/10",
            "a/2",
            "a/b/c",
            "a/b/d",
            "a/b-c",
            "a0",
            "b/1",
            "checkpoints/chk_1");
    names.forEach(name -> blobs.put(name, bytes(name)));
    List<String> sorted = names.stream().sorted().toList();
    for (int limit : new int[] {1, 2, 3, 100}) {
      for (String prefix : List.of("", "a", "a/", "a/b", "a/b/", "b/", "zzz", "a/1")) {
        assertThat(all(prefix, limit))
            .as("%s by %d", prefix, limit)
            .isEqualTo(sorted.stream().filter(it -> it.startsWith(prefix)).toList());
      }
    }
  }

  private List<String> all(String prefix, int limit) {
    List<String> all = new ArrayList<>();
    while (true) {
      List<BlobInfo> page = blobs.list(prefix, all.isEmpty() ? "" : all.getLast(), limit);
      if (page.isEmpty()) {
        return all;
      }
      assertThat(page.size()).isLessThanOrEqualTo(limit);
      page.forEach(info -> all.add(info.name()));
    }
  }

  @Test
  void largeObjectsComeWhole() {
    byte[] large = new byte[20 << 20];
    RandomGenerator.of("L64X128MixRandom").nextBytes(large);
    blobs.put("checkpoints/large", large);
    byte[] read = blobs.get("checkpoints/large", 0, large.length + 1).orElseThrow();
    assertThat(Arrays.equals(read, large)).isTrue(); // no message of 20 million numbers
    assertThat(blobs.head("checkpoints/large").orElseThrow().size()).isEqualTo(large.length);
  }

  @Test
  void readersNeverSeeHalfOfAPut() throws Exception {
    byte[] zeros = new byte[300_000];
    byte[] ones = new byte[200_000];
    Arrays.fill(ones, (byte) 1);
    blobs.put("chunks/ab/one", zeros);
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<?> writer =
          threads.submit(() -> {
            for (int i = 0; i < 20; i++) {
              blobs.put("chunks/ab/one", i % 2 == 0 ? ones : zeros);
            }
          });
      while (!writer.isDone()) {
        byte[] seen = blobs.get("chunks/ab/one", 0, 400_000).orElseThrow();
        assertThat(Arrays.equals(seen, seen[0] == 0 ? zeros : ones)).isTrue();
      }
      writer.get();
    }
  }

  @Test
  void namesThatLeadElsewhereAreRefused() {
    for (String name :
        List.of("", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "A", "a b", ".x")) {
      assertThatThrownBy(() -> blobs.put(name, bytes("x")))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> blobs.get(name, 0, 1)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> blobs.delete(name)).isInstanceOf(IllegalArgumentException.class);
    }
  }
}
