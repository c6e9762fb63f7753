package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.image.BuiltTemplate;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.MachineSpec;
import dev.podflare.qemu.NetworkPort;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What cannot be seen over the API: floors and costs, for the benchmark and tests. Thread-safe. */
public final class EngineProbe {
  private final EngineConfig config;
  private final Hypervisor hypervisor;
  private final Shapes shapes;
  private final Blanks blanks;
  private final Sandboxes sandboxes;
  private final Ids ids;

  EngineProbe(
      EngineConfig config,
      Hypervisor hypervisor,
      Shapes shapes,
      Blanks blanks,
      Sandboxes sandboxes,
      Ids ids) {
    this.config = config;
    this.hypervisor = hypervisor;
    this.shapes = shapes;
    this.blanks = blanks;
    this.sandboxes = sandboxes;
    this.ids = ids;
  }

  /**
   * One member of the pool, made step by step.
   *
   * @param blankCpu processor time of QEMU until it was a blank
   * @param restore from the blank to a running guest, without the agent
   * @param restoreCpu processor time of QEMU for it
   * @param renewAndWarmCpu processor time of QEMU for identity, clock and the first no-ops
   */
  public record Refill(
      Duration blankCpu, Duration restore, Duration restoreCpu, Duration renewAndWarmCpu) {}

  /** Round trip of a bare echo through a sandbox's channel: the floor of every execution. */
  public Duration ping(String sandboxId, int bytes) {
    return sandbox(sandboxId).guest().channel().ping(new byte[bytes], config.deadlines().guest());
  }

  /** Where the daemon itself reaches a guest's port. */
  public InetSocketAddress portAddress(String sandboxId, int port) {
    return new InetSocketAddress(sandbox(sandboxId).guest().port().orElseThrow().address(), port);
  }

  /** Namespace of the slot that a sandbox's guest is in. */
  public Path slotNamespace(String sandboxId) {
    return sandbox(sandboxId).guest().port().orElseThrow().namespace();
  }

  /** The machine that runs a sandbox's guest. */
  public Machine machine(String sandboxId) {
    return sandbox(sandboxId).guest().machine();
  }

  /** Whether a sandbox has a machine: one that is frozen has none. */
  public boolean hasMachine(String sandboxId) {
    return sandboxes.isLive(sandboxId);
  }

  /** All machines, handed out or not. */
  public List<Machine> machines() {
    return hypervisor.machines();
  }

  private Sandbox sandbox(String id) {
    return sandboxes
        .ofId(id)
        .orElseThrow(() -> new PodflareException(ErrorCode.SANDBOX_NOT_FOUND, "no sandbox " + id));
  }

  /** Makes a member of the default template's pool and throws it away. */
  public Refill refillOnce() {
    LoadedShape shape = defaultShape();
    Machine blank = blanks.start(shape);
    try (blank) {
      long blankCpu = blank.cgroup().cpuMillis();
      long begin = System.nanoTime();
      GuestMachine.Restored restored =
          GuestMachine.restoreMachine(
              shape, shape.checkpoint(), Outside.SHUT, blank, ids.sandbox());
      Duration restore = Duration.ofNanos(System.nanoTime() - begin);
      long restoredCpu = blank.cgroup().cpuMillis();
      try (GuestMachine guest = restored.renew(config.deadlines().guest())) {
        guest.warm(config.deadlines().guest());
        return new Refill(
            Duration.ofMillis(blankCpu),
            restore,
            Duration.ofMillis(restoredCpu - blankCpu),
            Duration.ofMillis(blank.cgroup().cpuMillis() - restoredCpu));
      }
    }
  }

  /** What a restore starts from, for a script that does the same without us. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record RestoreInput(List<String> commandLine, MachineSpec spec, byte[] deviceState) {}

  public RestoreInput restoreInput() {
    LoadedShape shape = defaultShape();
    MachineSpec spec = shape.blank(ids.machine(), new NetworkPort.Unconnected());
    return new RestoreInput(hypervisor.commandLine(spec), spec, shape.checkpoint().deviceState());
  }

  private LoadedShape defaultShape() {
    Optional<BuiltTemplate> template = shapes.ifBuilt(config.defaultTemplate());
    BuiltTemplate built = template.orElseThrow();
    return shapes
        .find(built, built.shape(), built.diskSize(), config.deadlines().create())
        .pool()
        .shape();
  }
}
