package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On a small file system of its own, which only root can mount. */
class FullDiskTest {
  private static final int DISK_KIB = 8 << 10;
  private static final CheckpointStoreConfig CONFIG =
      CheckpointStoreConfig.defaults().withGrace(Duration.ofHours(1), Duration.ofSeconds(1));

  @TempDir Path folder;
  private Path disk;

  @BeforeEach
  void mount() throws Exception {
    disk = Files.createDirectory(folder.resolve("disk"));
    boolean mounted =
        run("mount", "-t", "tmpfs", "-o", "size=" + DISK_KIB + "k", "none", disk.toString());
    Assumptions.assumeTrue(mounted, "mounting a tmpfs needs root");
  }

  @AfterEach
  void unmount() throws Exception {
    run("umount", "-l", disk.toString());
  }

  private static boolean run(String... command) throws Exception {
    return new ProcessBuilder(command).redirectErrorStream(true).start().waitFor() == 0;
  }

  private CheckpointStore open(Duration later) {
    return CheckpointStore.open(
        FolderBlobs.open(disk.resolve("store")), CONFIG, Clock.offset(Clock.systemUTC(), later));
  }

  private static byte[] noise(int seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static String write(CheckpointStore store, int seed, int length) {
    try (CheckpointWriter writer = store.begin()) {
      writer.write("memory", 0, ByteBuffer.wrap(noise(seed, length)));
      return writer.commit("").id();
    }
  }

  private static void assertReads(CheckpointStore store, String id, int seed, int length) {
    ByteBuffer expected = ByteBuffer.wrap(noise(seed, length));
    store
        .read(id)
        .read(
            "memory",
            (offset, bytes) ->
                assertThat(bytes.equals(expected.slice((int) offset, bytes.remaining()))).isTrue());
  }

  /** Leaves so much of the disk free. */
  private void fill(int freeKib) throws IOException {
    long free = disk.toFile().getUsableSpace();
    Files.write(disk.resolve("ballast"), new byte[(int) Math.max(0, free - freeKib * 1024L)]);
  }

  @Test
  void aFullDiskIsSaidSoAtAnyStepAndCostsNothingThatWasPromised() throws IOException {
    try (CheckpointStore store = open(Duration.ZERO)) {
      String kept = write(store, 1, 500_000);
      int refused = 0;
      for (int freeKib : new int[] {0, 4, 8, 12, 16, 64, 256, 260, 264, 268, 272, 400}) {
        fill(freeKib);
        int before = store.ids().size();
        try {
          assertReads(store, write(store, 100 + freeKib, 262_144), 100 + freeKib, 262_144);
        } catch (PodflareException full) {
          assertThat(full).satisfies(Codes.is(ErrorCode.STORE_FULL));
          assertThat(store.ids()).hasSize(before);
          refused++;
        }
        Files.delete(disk.resolve("ballast"));
        assertReads(store, kept, 1, 500_000);
      }
      assertThat(refused).isBetween(5, 11);
      assertReads(store, write(store, 2, 500_000), 2, 500_000);
    }
  }

  @Test
  void aWriterThatMetAFullDiskDoesNotStopTheNext() throws IOException {
    try (CheckpointStore store = open(Duration.ZERO)) {
      assertThatThrownBy(() -> write(store, 1, 30 << 20))
          .satisfies(Codes.is(ErrorCode.STORE_FULL))
          .hasMessageContaining("disk is full");
      assertThat(store.ids()).isEmpty();
    }
    try (CheckpointStore store = open(Duration.ofHours(2))) {
      assertThat(store.collect().deletedChunks()).isPositive();
      assertReads(store, write(store, 2, 1 << 20), 2, 1 << 20);
    }
  }

  @Test
  void aCollectionMakesSpaceOnADiskThatHasNone() throws IOException {
    try (CheckpointStore store = open(Duration.ZERO)) {
      write(store, 1, 2 << 20);
    }
    try (CheckpointStore store = open(Duration.ofHours(2))) {
      fill(0);
      store.ids().forEach(store::delete);
      assertThat(store.collect().deletedChunks()).isEqualTo(8);
    }
  }
}
