package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.Cgroup;
import dev.podflare.linux.CgroupTree;
import dev.podflare.qemu.Machine.MachineParts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Starts machines on this host, and ends what an earlier daemon left. The entry of this module.
 * Thread-safe.
 */
public final class Hypervisor implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Hypervisor.class);
  private static final Duration KILL_DEADLINE = Duration.ofSeconds(20);

  /** What QEMU itself needs besides guest memory: code, translation buffer, stacks, page tables. */
  private static final long OVERHEAD_BYTES = 256L << 20;

  private static final int PROCESSES = 64;
  private static final long MAX_LOG = 1 << 20;

  private final HypervisorConfig config;
  private final Accelerator accelerator;
  private final QemuBinary binary;
  private final Jail jail;
  private final CgroupTree cgroups;
  private final UidPool uids;
  private final long tscKilohertz;
  private final ConcurrentHashMap<String, Machine> machines = new ConcurrentHashMap<>();
  private volatile boolean closed;

  private Hypervisor(HypervisorConfig config, CgroupTree cgroups, AcceleratorProbe probe) {
    this.config = config;
    this.cgroups = cgroups;
    this.uids = new UidPool(config.instance());
    this.accelerator = probe.choose(this::trial);
    // Side by side: both wait for programs of the host, and a start waits for both.
    CompletableFuture<QemuBinary> asked =
        CompletableFuture.supplyAsync(() -> QemuBinary.of(accelerator.binary()));
    this.jail = Jail.forProgram(accelerator.binary());
    this.binary = joined(asked);
    this.tscKilohertz = TimeStampCounter.kilohertz();
  }

  private static QemuBinary joined(CompletableFuture<QemuBinary> asked) {
    try {
      return asked.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof PodflareException cause ? cause : e;
    }
  }

  /** Machines that an earlier daemon has left running and that can be taken over. */
  public static List<Survivor> survivors(HypervisorConfig config) {
    try {
      return Journal.survivors(config);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot read the machines' journals", e);
    }
  }

  /** Prepares the host's folders and groups, ends leftovers and chooses the accelerator. */
  public static Hypervisor open(HypervisorConfig config) {
    return open(config, List.of());
  }

  /** As {@link #open(HypervisorConfig)}, but those are left running, to be taken over. */
  public static Hypervisor open(HypervisorConfig config, List<Survivor> kept) {
    try {
      Files.createDirectories(config.runFolder());
      Files.createDirectories(MachineFolders.machines(config));
      Files.setPosixFilePermissions(
          config.runFolder(), PosixFilePermissions.fromString("rwx------"));
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "cannot make " + config.runFolder() + "; run as root", e);
    }
    CgroupTree cgroups = CgroupTree.open(config.instance());
    Set<String> ids = kept.stream().map(Survivor::id).collect(Collectors.toSet());
    endLeftovers(config, cgroups, ids);
    Hypervisor hypervisor = new Hypervisor(config, cgroups, new AcceleratorProbe(config));
    kept.forEach(survivor -> hypervisor.uids.reserve(survivor.uid()));
    return hypervisor;
  }

  /** What {@code kill -9} of a daemon leaves: processes (found by their group) and folders. */
  private static void endLeftovers(HypervisorConfig config, CgroupTree cgroups, Set<String> kept) {
    for (Cgroup group : cgroups.groups()) {
      if (!kept.contains(group.name())) {
        group.kill(KILL_DEADLINE);
      }
    }
    for (Path folder : List.of(config.runFolder(), MachineFolders.machines(config))) {
      try (var children = Files.list(folder)) {
        children
            .filter(child -> !kept.contains(MachineFolders.machineOf(child)))
            .forEach(Hypervisor::deleteLeftover);
      } catch (IOException e) {
        throw new PodflareException(ErrorCode.INTERNAL, "cannot clean " + folder, e);
      }
    }
  }

  /** What cannot be removed must not keep the daemon from starting. */
  private static void deleteLeftover(Path path) {
    try {
      MachineFolders.delete(path);
    } catch (PodflareException e) {
      LOG.warn("{}", e.sentence());
    }
  }

  public Accelerator accelerator() {
    return accelerator;
  }

  public String qemuVersion() {
    return binary.version();
  }

  /** Which cgroup version limits machines here. */
  public String cgroupDescription() {
    return cgroups.description();
  }

  /**
   * What must be the same for a checkpoint to be restored: QEMU, accelerator, processor model and
   * the machine's definition.
   */
  public String fingerprint() {
    String processor =
        accelerator.kind() == Accelerator.Kind.KVM ? TimeStampCounter.processor() : "max";
    return String.join(
        "/",
        binary.version(),
        accelerator.kind().wireName(),
        processor,
        "revision-" + CommandLine.REVISION);
  }

  /** What guests are booted with on any host: no restore needs it, but what it froze differs. */
  public static String kernelArguments() {
    return CommandLine.KERNEL_ARGUMENTS;
  }

  /** What guests that are booted here measure time by. */
  public HostCounter counter() {
    return new HostCounter(TimeStampCounter.processor(), tscKilohertz);
  }

  /** QEMU's arguments for a machine as its jail sees them, for comparison runs outside of it. */
  public List<String> commandLine(MachineSpec spec) {
    return CommandLine.arguments(spec, accelerator, tscKilohertz, config.translationMebibytes());
  }

  /** Live machines. */
  public List<Machine> machines() {
    return List.copyOf(machines.values());
  }

  /**
   * Starts a jailed QEMU and waits until it answers: a blank, or a machine ready to boot.
   *
   * @param onEnd called once if the guest or QEMU ends without {@link Machine#kill}
   */
  public Machine start(MachineSpec spec, Consumer<Machine> onEnd) {
    return start(spec, accelerator, jail, tscKilohertz, onEnd);
  }

  private Machine trial(MachineSpec spec, Accelerator candidate) {
    Jail ownJail = Jail.forProgram(candidate.binary());
    return start(spec, candidate, ownJail, 0, _ -> {});
  }

  private Machine start(
      MachineSpec spec, Accelerator with, Jail in, long tsc, Consumer<Machine> onEnd) {
    int uid = uids.acquire();
    MachineFolders folders = MachineFolders.of(config, spec.id());
    Machine machine = null;
    Cgroup cgroup = null;
    try {
      folders.create(uid);
      place(spec).ifPresent(place -> place.giveTo(uid));
      cgroup = cgroups.create(spec.id(), limits(spec));
      List<String> program = CommandLine.arguments(spec, with, tsc, config.translationMebibytes());
      Process process =
          spawn(in.command(inmate(spec, uid, cgroup, folders, with), program), folders);
      machine =
          new Machine(
              spec,
              config,
              new MachineParts(folders, cgroup, uid, process.toHandle(), once(release(spec, uid))),
              onEnd);
      admit(machine);
      machine.start();
      Journal.write(folders, machine);
      return machine;
    } catch (IOException | RuntimeException e) {
      if (machine != null) {
        machine.kill();
      } else {
        if (cgroup != null) {
          cgroup.kill(KILL_DEADLINE);
        }
        folders.delete();
        uids.release(uid);
        place(spec).ifPresent(NetworkPort.Place::released);
      }
      throw e instanceof PodflareException coded
          ? coded
          : new PodflareException(ErrorCode.MACHINE_FAILED, "cannot start QEMU: " + e, e);
    }
  }

  /**
   * Goes on with a machine that {@link #open} has kept. It stands still when this returns. If it
   * fails the machine is ended.
   *
   * @param spec what it was started with; its network place is its own from now on
   * @param onEnd as for {@link #start}
   */
  public Machine takeOver(Survivor survivor, MachineSpec spec, Consumer<Machine> onEnd) {
    Machine machine = null;
    try {
      ProcessHandle outer = ProcessHandle.of(survivor.outerPid()).orElseThrow(() -> gone(survivor));
      machine =
          new Machine(
              spec,
              config,
              new MachineParts(
                  MachineFolders.of(config, spec.id()),
                  cgroups.find(spec.id()),
                  survivor.uid(),
                  outer,
                  once(release(spec, survivor.uid()))),
              onEnd);
      admit(machine);
      machine.takeOver(survivor.pid());
      return machine;
    } catch (IOException | RuntimeException e) {
      if (machine != null) {
        machine.kill();
      } else {
        end(survivor);
        place(spec).ifPresent(NetworkPort.Place::released);
      }
      throw e instanceof PodflareException coded
          ? coded
          : new PodflareException(ErrorCode.MACHINE_FAILED, "cannot take over QEMU: " + e, e);
    }
  }

  /** Ends a machine that {@link #open} has kept and that nobody takes over. */
  public void end(Survivor survivor) {
    cgroups.find(survivor.id()).kill(KILL_DEADLINE);
    MachineFolders.of(config, survivor.id()).delete();
    uids.release(survivor.uid());
  }

  private static PodflareException gone(Survivor survivor) {
    return new PodflareException(
        ErrorCode.MACHINE_FAILED, "the process of " + survivor.id() + " is gone");
  }

  private static Optional<NetworkPort.Place> place(MachineSpec spec) {
    return spec.network()
        .filter(NetworkPort.Place.class::isInstance)
        .map(NetworkPort.Place.class::cast);
  }

  /** After a close nobody would end it. */
  private void admit(Machine machine) {
    machines.put(machine.id(), machine);
    if (closed) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "this server is shutting down");
    }
  }

  private Runnable release(MachineSpec spec, int uid) {
    return () -> {
      Machine machine = machines.get(spec.id());
      if (machine != null) {
        try {
          machine.endProcess();
          machine.cgroup().kill(KILL_DEADLINE);
          MachineFolders.of(config, spec.id()).delete();
        } finally {
          machines.remove(spec.id());
          uids.release(uid);
          place(spec).ifPresent(NetworkPort.Place::released);
        }
      }
    };
  }

  /** Runs the body once; others wait until it has run, so that each returns when all is freed. */
  private static Runnable once(Runnable body) {
    AtomicBoolean done = new AtomicBoolean();
    Object monitor = new Object();
    return () -> {
      synchronized (monitor) {
        if (done.compareAndSet(false, true)) {
          body.run();
        }
      }
    };
  }

  /**
   * Guest memory counts twice: where the image has a hole, the first touch allocates a page of the
   * image, which the kernel charges to who touched it, and a write copies that page.
   */
  private static CgroupTree.Limits limits(MachineSpec spec) {
    long memory = 2 * spec.memory().size().bytes() + OVERHEAD_BYTES;
    return new CgroupTree.Limits(memory, spec.vcpus() + 0.25, PROCESSES + 4 * spec.vcpus());
  }

  private Jail.Inmate inmate(
      MachineSpec spec, int uid, Cgroup cgroup, MachineFolders folders, Accelerator with) {
    Map<String, Path> readable = new LinkedHashMap<>();
    readable.put(CommandLine.KERNEL, spec.kernel());
    spec.initrd().ifPresent(path -> readable.put(CommandLine.INITRD, path));
    spec.disk()
        .ifPresent(disk -> {
          readable.put(CommandLine.BASE, disk.base());
          disk.shape().ifPresent(path -> readable.put(CommandLine.SHAPE, path));
        });
    return new Jail.Inmate(
        uid,
        cgroup,
        spec.memory().path(),
        Map.of(CommandLine.VM, folders.run(), CommandLine.DISK, folders.disk()),
        readable,
        devices(spec, with),
        spec.network());
  }

  private Map<String, Path> devices(MachineSpec spec, Accelerator with) {
    Map<String, Path> devices = new LinkedHashMap<>();
    if (with.kind() == Accelerator.Kind.KVM) {
      devices.put(DeviceNode.KVM.place(), DeviceNode.KVM.in(config.dataFolder()));
    }
    if (spec.network().isPresent()) {
      devices.put(DeviceNode.TUN.place(), DeviceNode.TUN.in(config.dataFolder()));
    }
    return devices;
  }

  private static Process spawn(List<String> command, MachineFolders folders) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    builder.environment().put("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(folders.log().toFile()));
    return builder.start();
  }

  /** A guest can make QEMU complain as often as it likes: what is too long is begun anew. */
  public void cutLogs() {
    for (Machine machine : machines.values()) {
      Path log = MachineFolders.of(config, machine.id()).log();
      try {
        if (Files.size(log) > MAX_LOG) {
          Files.newOutputStream(log, StandardOpenOption.TRUNCATE_EXISTING).close();
        }
      } catch (IOException ended) {
        // With its machine.
      }
    }
  }

  /** Lets go of all machines, which go on, to be taken over; and of nothing else. */
  public void leave() {
    closed = true;
    machines.values().forEach(Machine::leave);
  }

  /** Ends all machines, side by side, and those that are just being started. */
  @Override
  public void close() {
    closed = true;
    List<RuntimeException> failures = new CopyOnWriteArrayList<>();
    try (ExecutorService killers = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Machine machine : machines.values()) {
        killers.execute(() -> {
          try {
            machine.kill();
          } catch (RuntimeException e) {
            failures.add(e);
          }
        });
      }
    }
    cgroups.remove();
    MachineFolders.delete(config.runFolder());
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
  }
}
