package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * A device that jailed users may open. The host's own node stays as it is; ours lies in the data
 * folder, which only root can enter, and is bound into each jail.
 */
enum DeviceNode {
  KVM("/dev/kvm", 10, 232),
  TUN("/dev/net/tun", 10, 200);

  private final String place;
  private final int major;
  private final int minor;

  DeviceNode(String place, int major, int minor) {
    this.place = place;
    this.major = major;
    this.minor = minor;
  }

  /** Where programs look for it. */
  String place() {
    return place;
  }

  boolean exists() {
    return Files.exists(Path.of(place));
  }

  /** Our node, made if it is not there yet; machines are started side by side. */
  synchronized Path in(Path dataFolder) {
    Path node = dataFolder.resolve(name().toLowerCase(Locale.ROOT));
    if (Files.exists(node)) {
      return node;
    }
    try {
      Process process =
          new ProcessBuilder("mknod", "-m", "0666", node.toString(), "c", "" + major, "" + minor)
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
