package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.Authority;
import dev.podflare.network.GuestAccess;
import dev.podflare.network.Refusal;
import dev.podflare.network.SecretUse;
import dev.podflare.network.Slot;
import dev.podflare.network.SlotPool;
import dev.podflare.network.SlotReport;
import dev.podflare.qemu.NetworkPort;
import dev.podflare.volume.VolumeClients;
import dev.podflare.volume.VolumeMount;
import java.net.Inet4Address;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A machine's place in the network: a slot of the pool, shut at first, given back when the machine
 * has ended. Thread-safe.
 */
final class SlotPort implements NetworkPort.Place {
  private final Slot slot;
  private final SlotPool pool;
  private final String range;
  private final VolumeClients volumes;
  private final Supplier<Authority> authority;
  private Optional<GuestAccess> access;
  private boolean released;

  /**
   * A slot's.
   *
   * @param range that the daemon's slots are of
   * @param volumes which guest may use which volume
   * @param access what is in force for it; a slot without one is shut, too, but remembers no
   *     refusal: it is nobody's yet
   * @param authority of the gate; asked if the guest has secrets
   */
  SlotPort(
      Slot slot,
      SlotPool pool,
      String range,
      VolumeClients volumes,
      Optional<GuestAccess> access,
      Supplier<Authority> authority) {
    this.slot = slot;
    this.pool = pool;
    this.range = range;
    this.volumes = volumes;
    this.access = access;
    this.authority = authority;
  }

  String range() {
    return range;
  }

  /** Number of its slot within the range. */
  int index() {
    return slot.index();
  }

  @Override
  public Path namespace() {
    return slot.namespace();
  }

  @Override
  public String tap() {
    return slot.tap();
  }

  @Override
  public void giveTo(int uid) {
    slot.giveTo(uid);
  }

  @Override
  public void released() {
    synchronized (this) {
      released = true; // from now on the slot may be another's
      volumes.remove(slot.outer());
    }
    pool.give(slot);
  }

  /** In force when it returns; if it fails, the old policy still is. */
  synchronized void apply(GuestAccess wanted) {
    if (released) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "the machine has just ended");
    }
    if (!access.equals(Optional.of(wanted))) {
      slot.apply(wanted);
      access = Optional.of(wanted);
    }
  }

  /** What its guest may use from now on. */
  synchronized void setVolumes(String machine, List<VolumeMount> mounts) {
    if (!released) {
      volumes.put(slot.outer(), machine, mounts);
    }
  }

  /** Whom the guest must trust, since the gate speaks for hosts of its secrets; empty: nobody. */
  Optional<Authority> authority() {
    synchronized (this) {
      if (access.map(GuestAccess::secrets).orElse(List.of()).isEmpty()) {
        return Optional.empty();
      }
    }
    return Optional.of(authority.get());
  }

  /** What became of the secrets, by name. */
  Map<String, SecretUse> secretUses() {
    return slot.secretUses();
  }

  /** What was refused since then, first; from memory, the kernel's word may come a little later. */
  Optional<Refusal> firstRefusal(Instant since) {
    return slot.refusals().stream().filter(it -> !it.time().isBefore(since)).findFirst();
  }

  SlotReport report() {
    return slot.report();
  }

  /** By which the host reaches the guest's ports. */
  Inet4Address address() {
    return slot.outer();
  }
}
