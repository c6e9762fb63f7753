package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.store.testing.HaltedProcess;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompressionTest {
  @Test
  void aKilledProcessLeavesNoNativeLibrary(@TempDir Path folder)
      throws IOException, InterruptedException {
    assertThat(HaltedProcess.leavings(Halted.class, folder)).isEmpty();
  }

  static final class Halted {
    private Halted() {}

    public static void main(String[] arguments) throws DamagedException {
      byte[] plain = new byte[1 << 16];
      byte[] small = Compression.compress(plain).orElseThrow();
      boolean same = Compression.decompress(small, plain.length).length == plain.length;
      Runtime.getRuntime().halt(same ? HaltedProcess.DONE : 1);
    }
  }
}
