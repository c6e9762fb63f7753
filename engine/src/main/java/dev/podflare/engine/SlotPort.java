package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.network.EgressPolicy;
import dev.podflare.network.Refusal;
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
import java.util.Optional;

/**
 * A machine's place in the network: a slot of the pool, shut at first, given back when the machine
 * has ended. Thread-safe.
 */
final class SlotPort implements NetworkPort.Place {
  private final Slot slot;
  private final SlotPool pool;
  private final String range;
  private final VolumeClients volumes;
  private EgressPolicy policy;
  private boolean released;

  /** {@code range}: that the daemon's slots are of; {@code policy}: what is in force for it. */
  SlotPort(Slot slot, SlotPool pool, String range, VolumeClients volumes, EgressPolicy policy) {
    this.slot = slot;
    this.pool = pool;
    this.range = range;
    this.volumes = volumes;
    this.policy = policy;
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
  synchronized void apply(EgressPolicy wanted) {
    if (released) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "the machine has just ended");
    }
    if (!policy.equals(wanted)) {
      slot.apply(wanted);
      policy = wanted;
    }
  }

  /** What its guest may use from now on. */
  synchronized void setVolumes(String machine, List<VolumeMount> mounts) {
    if (!released) {
      volumes.put(slot.outer(), machine, mounts);
    }
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
