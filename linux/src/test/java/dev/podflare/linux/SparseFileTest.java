package dev.podflare.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sparse copies and sealed memory files, which is where templates live. */
class SparseFileTest {
  private static final int SIZE = 8 << 20;

  @TempDir Path folder;

  @Test
  void aCopyHasTheSameBytesAndNoZeroPages() throws Exception {
    byte[] content = islands();
    Path source = Files.write(folder.resolve("source"), content);
    Path copy = folder.resolve("copy");
    try (FileChannel out =
        FileChannel.open(copy, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      SparseFile.copyWithoutZeros(source, out);
      out.write(ByteBuffer.wrap(content, SIZE - 1, 1), SIZE - 1);
    }
    assertThat(Files.readAllBytes(copy)).isEqualTo(content);
    long data = SparseFile.dataRuns(copy).stream().mapToLong(PageRun::length).sum();
    assertThat(data).isLessThan(SIZE / 4);

    try (Memfd memory = Memfd.create("test", SIZE)) {
      try (FileChannel target = memory.open(StandardOpenOption.WRITE)) {
        SparseFile.copyData(copy, target);
      }
      assertThat(Files.readAllBytes(memory.path())).isEqualTo(content);
    }
  }

  @Test
  void aSealedMemoryFileCannotBeChanged() throws Exception {
    try (Memfd memory = Memfd.create("test", 4096)) {
      memory.seal();
      try (FileChannel target = memory.open(StandardOpenOption.WRITE)) {
        assertThatThrownBy(() -> target.write(ByteBuffer.allocate(1), 0))
            .isInstanceOf(java.io.IOException.class);
        assertThatThrownBy(() -> target.truncate(0)).isInstanceOf(java.io.IOException.class);
      }
    }
  }

  private static byte[] islands() {
    byte[] content = new byte[SIZE];
    Random random = new Random(1);
    for (int i = 0; i < 40; i++) {
      int at = random.nextInt(SIZE - 9000);
      for (int j = 0; j < 1 + random.nextInt(9000); j++) {
        content[at + j] = 7;
      }
    }
    return content;
  }
}
