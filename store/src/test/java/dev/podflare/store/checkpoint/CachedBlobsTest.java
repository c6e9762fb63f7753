package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.DataSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CachedBlobsTest extends BlobStoreContract {
  @TempDir Path folder;

  @Override
  CachedBlobs open() {
    return CachedBlobs.open(
        FolderBlobs.open(folder.resolve("original")), folder.resolve("cache"), new DataSize(3000));
  }

  private List<Path> cached() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("cache"))) {
      return files.sorted().toList();
    }
  }

  @Test
  void whatWasReadIsThereWhenTheOriginalIsNot() throws IOException {
    try (CachedBlobs blobs = open()) {
      blobs.put("chunks/ab/one", new byte[] {1, 2, 3});
      Files.delete(folder.resolve("original/chunks/ab/one"));
      assertThat(blobs.get("chunks/ab/one", 0, 100)).hasValue(new byte[] {1, 2, 3});
      assertThat(blobs.head("chunks/ab/one")).isEmpty();
      blobs.distrust("chunks/ab/one");
      assertThat(blobs.get("chunks/ab/one", 0, 100)).isEmpty();
    }
  }

  @Test
  void onlyChunksAreKept() throws IOException {
    try (CachedBlobs blobs = open()) {
      for (String name : List.of("checkpoints/chk_1", "gc/lease", "store.json")) {
        blobs.put(name, new byte[] {1});
        assertThat(blobs.get(name, 0, 100)).isPresent();
      }
      assertThat(cached()).isEmpty();
    }
  }

  @Test
  void aDamagedCopyIsDroppedAndFetchedAnew() throws IOException {
    try (CachedBlobs blobs = open()) {
      byte[] bytes = {1, 2, 3, 4, 5};
      blobs.put("chunks/ab/one", bytes);
      Path copy = cached().getFirst();
      byte[] right = Files.readAllBytes(copy);
      for (int i = 0; i < right.length; i++) {
        byte[] wrong = right.clone();
        wrong[i] ^= 0x10;
        Files.write(copy, wrong);
        assertThat(blobs.get("chunks/ab/one", 0, 100)).hasValue(bytes);
        Files.write(copy, Arrays.copyOf(right, i));
        assertThat(blobs.get("chunks/ab/one", 0, 100)).hasValue(bytes);
        assertThat(Files.readAllBytes(copy)).isEqualTo(right);
      }
    }
  }

  @Test
  void aCopyUnderAnotherNameIsNotTaken() throws IOException {
    try (CachedBlobs blobs = open()) {
      blobs.put("chunks/ab/one", new byte[] {1});
      Path one = cached().getFirst();
      blobs.put("chunks/ab/two", new byte[] {2});
      Files.copy(one, folder.resolve("cache/chunks+ab+two"), StandardCopyOption.REPLACE_EXISTING);
      assertThat(blobs.get("chunks/ab/two", 0, 100)).hasValue(new byte[] {2});
    }
  }

  @Test
  void whatWasNotUsedForLongestGoesFirstAlsoAfterARestart() throws Exception {
    try (CachedBlobs blobs = open()) {
      for (String name : List.of("a", "b", "c")) {
        blobs.put("chunks/" + name, new byte[900]);
        Thread.sleep(20);
      }
      assertThat(blobs.get("chunks/a", 0, 1000)).isPresent();
    }
    try (CachedBlobs blobs = open()) {
      blobs.put("chunks/d", new byte[900]);
      assertThat(cached().stream().map(it -> it.getFileName().toString()))
          .containsExactly("chunks+a", "chunks+c", "chunks+d");
    }
  }

  @Test
  void theFolderMayVanish() throws IOException {
    try (CachedBlobs blobs = open()) {
      blobs.put("chunks/ab/one", new byte[] {1});
      try (Stream<Path> files = Files.walk(folder.resolve("cache"))) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
      assertThat(blobs.get("chunks/ab/one", 0, 100)).hasValue(new byte[] {1});
      blobs.put("chunks/ab/two", new byte[] {2});
      assertThat(blobs.get("chunks/ab/two", 0, 100)).hasValue(new byte[] {2});
    }
  }
}
