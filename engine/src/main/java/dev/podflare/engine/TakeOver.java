package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.GuestExec;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.MachineSpec;
import dev.podflare.qemu.MemoryImage;
import dev.podflare.qemu.NetworkPort;
import dev.podflare.store.SandboxRecord;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Goes on with the sandboxes of a daemon that was killed, or has left them: with their machines,
 * their place in the network and their calls, side by side. One that cannot go on is ended, and
 * left to whoever looks at the records next; but not for a full disk of the host.
 */
final class TakeOver {
  private static final Logger LOG = LoggerFactory.getLogger(TakeOver.class);

  private final EngineConfig config;
  private final Hypervisor hypervisor;
  private final Optional<GuestNetwork> network;
  private final Forks.Host host;
  private final Consumer<Machine> onEnd;
  private final Queue<String> standing = new ConcurrentLinkedQueue<>();
  private final Semaphore turns =
      new Semaphore(2 * Runtime.getRuntime().availableProcessors(), true);

  TakeOver(
      EngineConfig config,
      Hypervisor hypervisor,
      Optional<GuestNetwork> network,
      Forks.Host host,
      Consumer<Machine> onEnd) {
    this.config = config;
    this.hypervisor = hypervisor;
    this.network = network;
    this.host = host;
    this.onEnd = onEnd;
  }

  /**
   * @throws PodflareException {@code host_full} if guests do not answer since the host's disk is
   *     full; they stand still with what they write, and the caller is to leave all as they are
   */
  void run(Claims claims) {
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      claims.all().forEach(claim -> executor.execute(() -> attempt(claim)));
    }
    if (!standing.isEmpty()) {
      throw new PodflareException(
          ErrorCode.HOST_FULL,
          "the host's disk is full, and the guests of "
              + String.join(", ", standing)
              + " stand still until there is room for what they write; make some, and start again");
    }
    if (!claims.all().isEmpty()) {
      LOG.info("{} of {} sandboxes go on", host.sandboxes().count(), claims.all().size());
    }
  }

  private void attempt(Claims.Claim claim) {
    String id = claim.record().id();
    Admission.Place place =
        host.admission()
            .readmit(
                claim.record().keyId(), DataSize.ofMebibytes(claim.record().memoryMebibytes()));
    try {
      turns.acquire(); // the guests are woken a few at a time, so that none waits too long
      try {
        goOn(claim, place);
      } finally {
        turns.release();
      }
    } catch (RuntimeException e) {
      place.release();
      LOG.warn("{} cannot go on: {}", id, e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void goOn(Claims.Claim claim, Admission.Place place) {
    try (Ground ground = ground(claim)) {
      SandboxRecord record = claim.record();
      LoadedShape shape = ground.shape();
      MachineSpec spec = shape.blank(claim.survivor().id(), ground.port());
      Machine machine = hypervisor.takeOver(claim.survivor(), spec, onEnd);
      GuestMachine.Left left = GuestMachine.takeOver(shape, machine, claim.note(), record.id());
      GuestMachine guest = left.guest();
      try {
        guest.setVolumes(MountText.served(record.mounts()));
        Sandbox sandbox =
            new Sandbox(record, guest, place, config, host.budget(), host.timers(), host.clock());
        Optional<Instant> paused = pausedSince(claim);
        // First: whoever comes after us, if we are killed, must take a greater epoch than ours.
        paused.ifPresentOrElse(
            since -> guest.claim(record.id(), since), () -> guest.claim(record.id()));
        List<GuestExec> running = sandbox.rejoin(left.past());
        guest.goOn(running, left.past().lastId(), config.deadlines().guest());
        sandbox.rejoined(left.past(), running);
        paused.ifPresentOrElse(sandbox::staysPaused, sandbox::timesGoOn);
        host.sandboxes().add(sandbox);
        host.sandboxes().requireAlive(sandbox);
      } catch (RuntimeException e) {
        if (machine.waitsForRoom()) { // and cannot answer for that
          standing.add(record.id());
        } else {
          guest.close();
        }
        throw e;
      }
    }
  }

  /** What a machine stands on. */
  private record Ground(LoadedShape shape, NetworkPort port) implements AutoCloseable {
    @Override
    public void close() {
      shape.close(); // the machine has its own hold of it
    }
  }

  /** If this fails the machine is ended; later its own clean-up does that. */
  private Ground ground(Claims.Claim claim) {
    Optional<NetworkPort> port = port(claim);
    try {
      NetworkPort place =
          port.orElseThrow(
              () -> new PodflareException(ErrorCode.MACHINE_FAILED, "its network slot is gone"));
      return new Ground(shape(claim), place);
    } catch (RuntimeException e) {
      hypervisor.end(claim.survivor());
      if (port.orElse(null) instanceof NetworkPort.Place place) {
        place.released();
      }
      throw e;
    }
  }

  /** The record may be behind: the database was away, or there was no time to write it. */
  private static Optional<Instant> pausedSince(Claims.Claim claim) {
    return Optional.ofNullable(claim.note().pausedAt()).map(Instant::ofEpochMilli);
  }

  private LoadedShape shape(Claims.Claim claim) {
    LoadedShape shape = host.shapes().standing(claim.note(), config.deadlines().boot()).shape();
    if (claim.survivor().added().isEmpty()) {
      return shape.retain();
    }
    return shape.over(
        MemoryImage.adopt(
            claim.survivor().image(),
            DataSize.ofMebibytes(claim.note().memoryMebibytes()),
            claim.survivor().added()));
  }

  private Optional<NetworkPort> port(Claims.Claim claim) {
    MachineNote.Slot slot = claim.note().slot();
    return slot == null
        ? Optional.of(new NetworkPort.Unconnected())
        : network.flatMap(it -> it.kept(slot.index(), RecordedAccess.of(claim.record())));
  }
}
