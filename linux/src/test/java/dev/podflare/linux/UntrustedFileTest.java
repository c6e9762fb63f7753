package dev.podflare.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.PodflareException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class UntrustedFileTest {
  @TempDir Path folder;

  @Test
  void readsPlainFilesUpToTheLimit() throws Exception {
    Path file = Files.write(folder.resolve("plain"), new byte[100]);
    assertThat(UntrustedFile.read(file, 100)).hasSize(100);
    assertThatThrownBy(() -> UntrustedFile.read(file, 99)).isInstanceOf(PodflareException.class);
  }

  @Test
  void doesNotFollowLinks() throws Exception {
    Path secret = Files.writeString(folder.resolve("secret"), "of the host");
    Path link = Files.createSymbolicLink(folder.resolve("state"), secret);
    assertThatThrownBy(() -> UntrustedFile.read(link, 100)).isInstanceOf(PodflareException.class);
  }

  @Test
  @Timeout(30)
  void doesNotWaitForPipes() throws Exception {
    Path pipe = folder.resolve("pipe");
    Process process = new ProcessBuilder("mkfifo", pipe.toString()).start();
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThatThrownBy(() -> UntrustedFile.read(pipe, 100)).isInstanceOf(PodflareException.class);
  }

  @Test
  void refusesFoldersAndWhatIsNotThere() {
    assertThatThrownBy(() -> UntrustedFile.read(folder, 100)).isInstanceOf(PodflareException.class);
    assertThatThrownBy(() -> UntrustedFile.read(folder.resolve("none"), 100))
        .isInstanceOf(PodflareException.class);
  }
}
