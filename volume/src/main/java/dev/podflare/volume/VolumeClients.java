package dev.podflare.volume;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** Which guest may use which volumes, by the address that it has to the host. Thread-safe. */
public final class VolumeClients {
  private final Map<InetAddress, Client> clients = new ConcurrentHashMap<>();
  private volatile Consumer<InetAddress> cut = address -> {};

  /**
   * A guest.
   *
   * @param machine by which it is the same guest over restarts of the daemon, and no copy of it is
   */
  record Client(String machine, Map<String, VolumeMount> mounts) {
    Optional<VolumeMount> named(String name) {
      return mounts.values().stream().filter(it -> it.name().equals(name)).findFirst();
    }
  }

  /** From now on the guest at this address may use these, and nothing else. */
  public void put(InetAddress address, String machine, List<VolumeMount> mounts) {
    Map<String, VolumeMount> byVolume = new HashMap<>();
    mounts.forEach(mount -> byVolume.put(Volumes.digits(mount.volume()), mount));
    if (byVolume.isEmpty()) {
      remove(address);
    } else {
      clients.put(address, new Client(machine, Map.copyOf(byVolume)));
    }
  }

  /** The address is nobody's any more: its connections are cut. Idempotent. */
  public void remove(InetAddress address) {
    if (clients.remove(address) != null) {
      cut.accept(address);
    }
  }

  Optional<Client> find(InetAddress address) {
    return Optional.ofNullable(clients.get(address));
  }

  void onRemoval(Consumer<InetAddress> action) {
    cut = action;
  }
}
