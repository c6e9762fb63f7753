package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A node for {@code /dev/kvm} that jailed users may open. The host's own node stays as it is; ours
 * lies in the data folder, which only root can enter, and is bound into each jail.
 */
final class KvmDevice {
  static final Path HOST = Path.of("/dev/kvm");

  private KvmDevice() {}

  static boolean exists() {
    return Files.exists(HOST);
  }

  static Path node(Path dataFolder) {
    Path node = dataFolder.resolve("kvm");
    if (Files.exists(node)) {
      return node;
    }
    try {
      Process process =
          new ProcessBuilder("mknod", "-m", "0666", node.toString(), "c", "10", "232")
              .inheritIO()
              .start();
      if (process.waitFor(5, TimeUnit.SECONDS) && process.exitValue() == 0) {
        return node;
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.HOST_NOT_READY, "cannot make " + node, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw new PodflareException(ErrorCode.HOST_NOT_READY, "cannot make the device node " + node);
  }
}
