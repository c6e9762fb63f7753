package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SharedContentTest {
  private static final int WRITERS = 8;
  private static final int BYTES = 4 << 20;

  @TempDir Path folder;

  @Test
  void writersAtOnceStoreTheSameBytesOnce() throws Exception {
    byte[] memory = new byte[BYTES];
    new Random(1).nextBytes(memory);
    try (CheckpointStore store =
            CheckpointStore.open(FolderBlobs.open(folder), CheckpointStoreConfig.defaults());
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      CountDownLatch start = new CountDownLatch(1);
      List<Future<StoredCheckpoint>> writes = new ArrayList<>();
      for (int i = 0; i < WRITERS; i++) {
        writes.add(
            threads.submit(() -> {
              start.await();
              try (CheckpointWriter writer = store.begin()) {
                writer.write("memory", 0, ByteBuffer.wrap(memory));
                return writer.commit("");
              }
            }));
      }
      start.countDown();
      long added = 0;
      for (Future<StoredCheckpoint> write : writes) {
        added += write.get().addedBytes();
        write.get().read("memory", (offset, bytes) -> assertThat(bytes.hasRemaining()).isTrue());
      }
      assertThat(added).isBetween((long) BYTES, BYTES + BYTES / 100L);
      assertThat(store.usage().chunks()).isEqualTo(BYTES / Window.MAX_DATA);
      assertThat(store.usage().checkpoints()).isEqualTo(WRITERS);
    }
  }
}
