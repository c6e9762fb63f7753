package dev.podflare.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.DataSize;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** QEMU's own tool finds nothing to mend in what we write. */
class Qcow2Test {
  @TempDir Path folder;

  @Test
  void qemuImgAcceptsEverySize() throws Exception {
    for (String size : new String[] {"1MiB", "4GiB", "64GiB", "2TiB"}) {
      Path file = folder.resolve(size + ".qcow2");
      Qcow2.create(file, DataSize.parse(size));
      assertThat(run("qemu-img", "check", file.toString())).contains("No errors were found");
      assertThat(run("qemu-img", "info", file.toString()))
          .contains("(" + DataSize.parse(size).bytes() + " bytes)")
          .doesNotContain("backing file");
    }
  }

  @Test
  void takesLittleSpaceOnTheHost() {
    Path file = folder.resolve("a.qcow2");
    Qcow2.create(file, DataSize.ofGibibytes(4));
    long used =
        dev.podflare.linux.SparseFile.dataRuns(file).stream().mapToLong(run -> run.length()).sum();
    assertThat(used).isLessThanOrEqualTo(4 * 4096);
  }

  @Test
  void refusesOddSizesAndExistingFiles() throws Exception {
    Path file = folder.resolve("b.qcow2");
    assertThatThrownBy(() -> Qcow2.create(file, new DataSize(1000)))
        .isInstanceOf(PodflareException.class);
    Files.writeString(file, "mine");
    assertThatThrownBy(() -> Qcow2.create(file, DataSize.ofGibibytes(1)))
        .isInstanceOf(PodflareException.class);
    assertThat(file).hasContent("mine");
  }

  private static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isZero();
    return text;
  }
}
