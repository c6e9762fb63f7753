package dev.podflare.cli;

import dev.podflare.linux.NamespaceThread;
import dev.podflare.linux.Nftables;
import dev.podflare.network.Slot;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;

/**
 * A slot of the bench's own daemon without its tables: what is left is a tap in a namespace. Who
 * uses it next gets it scrubbed, tables and all. Thread-safe.
 */
final class BareTap implements AutoCloseable {
  private final NamespaceThread namespace;

  private BareTap(NamespaceThread namespace) {
    this.namespace = namespace;
  }

  static BareTap strip(Path slot) {
    NamespaceThread namespace = NamespaceThread.open("bench-tap", Optional.of(slot));
    namespace.run(() -> {
      try (Nftables nftables = Nftables.open()) {
        String ignored = nftables.run("delete table netdev slot\ndelete table inet slot\n");
      }
    });
    return new BareTap(namespace);
  }

  /** Runs a task beside the tap. */
  <T> T call(Callable<T> task) {
    return namespace.call(task);
  }

  Inet4Address guest() {
    return address(Slot.GUEST_ADDRESS);
  }

  /** Of the tap itself. */
  Inet4Address gateway() {
    return address(Slot.GATEWAY_ADDRESS);
  }

  private static Inet4Address address(String text) {
    try {
      return (Inet4Address) InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    namespace.close();
  }
}
