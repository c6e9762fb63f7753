package dev.podflare.qemu;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.Cgroup;
import dev.podflare.linux.PageMap;
import dev.podflare.linux.PageRun;
import dev.podflare.linux.PipePair;
import dev.podflare.linux.ProcFs;
import dev.podflare.linux.UntrustedFile;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;

/**
 * One jailed QEMU process and the guest in it; it knows nothing of sandboxes. States and their
 * transitions are those of {@link MachineState}; each action says in which it is allowed and is
 * refused otherwise.
 *
 * <p>Thread-safe: actions run one at a time, {@link #kill} at any time. When the guest or QEMU ends
 * by itself, {@code onEnd} of the start is called once, on a thread of its own.
 */
public final class Machine implements AutoCloseable {
  private static final Duration EXIT_DEADLINE = Duration.ofSeconds(5);
  private static final Duration FOLD_LOOK = Duration.ofMillis(50);
  private static final int MAX_STATE = 16 << 20; // some 13 KB are usual
  private static final int MAX_LOG = 1 << 20;
  private static final Executor ASIDE = task -> Thread.ofVirtual().name("devices").start(task);
  private static final String STATE_FILE = "state";
  private static final String DISK_ERROR = "io-error"; // status of QEMU
  private static final String INCOMING_SOCKET = "incoming";

  private final MachineSpec spec;
  private final HypervisorConfig config;
  private final MachineParts parts;
  private final ReentrantLock acting = new ReentrantLock();
  private final AtomicBoolean endTold = new AtomicBoolean();
  private final CompletableFuture<Boolean> loaded = new CompletableFuture<>();
  private final MachineDisk disk;
  private final Consumer<Machine> onEnd;
  private final DiskRoom room;
  private volatile MachineState state = MachineState.STARTING;
  private volatile Qmp qmp;
  private volatile long pid;
  private volatile long memoryBase;

  /** What a machine holds of the host; freed by {@code release} when it ends. */
  record MachineParts(
      MachineFolders folders, Cgroup cgroup, int uid, ProcessHandle outer, Runnable release) {}

  @SuppressWarnings("NullAway.Init") // qmp is set by start, before anybody else sees the machine
  Machine(MachineSpec spec, HypervisorConfig config, MachineParts parts, Consumer<Machine> onEnd) {
    this.onEnd = onEnd;
    this.spec = spec;
    this.config = config;
    this.parts = parts;
    this.room = new DiskRoom(spec.id(), this::tryWritesAgain);
    this.disk = new MachineDisk(spec, parts.folders().disk(), parts.uid(), this::execute);
  }

  /** Waits until QEMU answers. STARTING → BLANK. */
  void start() throws IOException {
    qmp = connectQmp();
    pid = findPid();
    memoryBase = ProcFs.mapping(pid, MemoryImage.NAME, spec.memory().size().bytes()).start();
    if (spec.start() == MachineSpec.Start.RESTORE) {
      Map<String, Object> events = Map.of("capability", "events", "state", true);
      execute("migrate-set-capabilities", Map.of("capabilities", List.of(events)));
    }
    state = MachineState.BLANK;
  }

  /**
   * Goes on with a machine that an earlier daemon had started. STARTING → PAUSED: it stands still
   * until it is resumed, and nothing of a step that was under way is left.
   */
  void takeOver(long qemu) throws IOException {
    pid = qemu;
    qmp = connectQmp();
    memoryBase = ProcFs.mapping(pid, MemoryImage.NAME, spec.memory().size().bytes()).start();
    execute("stop", Map.of());
    String status = status();
    // One that found the host's disk full stands still already, and says so.
    require(
        status.equals("paused") || status.equals(DISK_ERROR),
        "be taken over (QEMU says " + status + ")");
    disk.takeOver();
    Files.deleteIfExists(parts.folders().run().resolve(STATE_FILE));
    state = MachineState.PAUSED;
  }

  private String status() {
    return execute("query-status", Map.of()).path("status").asString("");
  }

  private Qmp connectQmp() throws IOException {
    Path socket = parts.folders().run().resolve("qmp");
    long end = AwakeTime.nanos() + config.startDeadline().toNanos();
    while (true) {
      try {
        return Qmp.connect(socket, this::onEvent, this::onClosed, config.commandDeadline());
      } catch (IOException notYet) {
        if (!parts.outer().isAlive() || AwakeTime.nanos() > end) {
          throw new PodflareException(
              ErrorCode.MACHINE_FAILED, "QEMU did not start: " + lastLogLines(), notYet);
        }
      }
      pause(Duration.ofMillis(2));
    }
  }

  /** The jail's own process stays outside; QEMU is the other one of the group. */
  private long findPid() {
    long outer = outerPid();
    return parts.cgroup().processes().stream()
        .filter(candidate -> candidate != outer)
        .findFirst()
        .orElseThrow(
            () -> new PodflareException(ErrorCode.MACHINE_FAILED, "QEMU ended: " + lastLogLines()));
  }

  public String id() {
    return spec.id();
  }

  public MachineSpec spec() {
    return spec;
  }

  public MachineState state() {
    return state;
  }

  /** QEMU's process on the host. */
  public long pid() {
    return pid;
  }

  /** Process of the jail around it. */
  long outerPid() {
    return parts.outer().pid();
  }

  public int uid() {
    return parts.uid();
  }

  /**
   * Writes down words that the next daemon gets with the machine, see {@link Survivor}, instead of
   * those before. A machine of which there are none is ended by the next daemon.
   */
  public void note(String words) {
    try {
      Journal.overwrite(parts.folders().note(), words);
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_FULL, "cannot write down machine " + id() + ": " + e.getMessage(), e);
    }
  }

  /** A file for notes about calls; it goes with the machine. */
  public Path calls() {
    return parts.folders().calls();
  }

  public Cgroup cgroup() {
    return parts.cgroup();
  }

  /** Boots the guest from its kernel. BLANK → RUNNING; for machines that were started to boot. */
  public void boot() {
    act(EnumSet.of(MachineState.BLANK), "boot", this::doBoot);
  }

  private void doBoot() {
    require(spec.start() == MachineSpec.Start.BOOT, "boot");
    disk.attach(List.of());
    execute("cont", Map.of());
    state = MachineState.RUNNING;
  }

  /**
   * Makes this blank the machine that was frozen: disk, then memory, then devices (loading them
   * reads the queues in guest memory). BLANK → PAUSED.
   */
  public void restore(Checkpoint checkpoint) {
    act(
        EnumSet.of(MachineState.BLANK),
        "restore",
        () -> {
          require(spec.start() == MachineSpec.Start.RESTORE, "restore");
          disk.attach(checkpoint.layers());
          place(checkpoint.pages());
          load(checkpoint.deviceState());
          state = MachineState.PAUSED;
        });
  }

  private void place(OwnPages pages) {
    try {
      pages.writeTo(pid, memoryBase);
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, "the pages of a checkpoint cannot be read: " + e, e);
    }
  }

  private void load(byte[] deviceState) {
    execute("migrate-incoming", Map.of("uri", "unix:" + CommandLine.VM + "/" + INCOMING_SOCKET));
    Path path = parts.folders().run().resolve(INCOMING_SOCKET);
    try (SocketChannel socket = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      ByteBuffer bytes = ByteBuffer.wrap(deviceState);
      while (bytes.hasRemaining()) {
        socket.write(bytes);
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "cannot load device state", e);
    }
    try {
      boolean good = AwakeTime.get(loaded, config.commandDeadline());
      require(good, "restore (QEMU refused the device state: " + lastLogLines() + ")");
    } catch (TimeoutException | ExecutionException e) {
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, "device state was not loaded: " + lastLogLines(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.TIMED_OUT, "interrupted while loading", e);
    }
  }

  /**
   * Refuses while its guest stands still because the host's disk is full; it goes on by itself when
   * there is room.
   *
   * @throws PodflareException {@code host_full}
   */
  public void requireRoom() {
    room.require();
  }

  /** Whether it stands still since what it writes finds no room on the host's disk. */
  public boolean waitsForRoom() {
    return room.isAwaited();
  }

  /** False if it runs, stands still for us, or has ended. */
  private boolean tryWritesAgain() {
    acting.lock();
    try {
      if (state != MachineState.RUNNING || !status().equals(DISK_ERROR)) {
        return false;
      }
      execute("cont", Map.of());
      return true;
    } finally {
      acting.unlock();
    }
  }

  /** PAUSED → RUNNING. */
  public void resume() {
    act(
        EnumSet.of(MachineState.PAUSED),
        "resume",
        () -> {
          execute("cont", Map.of());
          state = MachineState.RUNNING;
        });
  }

  /** RUNNING → PAUSED. Disks are flushed by QEMU on the way. */
  public void pause() {
    act(
        EnumSet.of(MachineState.RUNNING),
        "pause",
        () -> {
          execute("stop", Map.of());
          state = MachineState.PAUSED;
        });
  }

  /**
   * Freezes the machine as it is; it can go on afterwards, on a new disk layer. PAUSED → PAUSED.
   * The agent's channel must be silent (see the guest module's barrier).
   *
   * @param layerFolder where the frozen disk layers are linked to; on the data folder's file system
   */
  public Checkpoint checkpoint(Path layerFolder) {
    return checkpoint(layerFolder, () -> HeldPages.copy(pid, memoryBase, differing(List.of())));
  }

  /**
   * As {@link #checkpoint}, but with all pages that differ from the image that was stored: for a
   * place where the machine's own image will not be.
   *
   * @param standing it will stand still for as long as the checkpoint is used, so that its pages
   *     can stay where they are
   */
  public Checkpoint checkpointOverStored(Path layerFolder, boolean standing) {
    List<PageRun> added = spec.memory().added();
    return checkpoint(
        layerFolder,
        () ->
            standing
                ? new StandingPages(pid, memoryBase, differing(added))
                : HeldPages.copy(pid, memoryBase, differing(added)));
  }

  /** Pages that differ from the image that it maps, and some others. */
  private List<PageRun> differing(List<PageRun> others) {
    List<PageRun> own = PageMap.ownPages(pid, memoryBase, memory());
    return others.isEmpty() ? own : PageRun.union(own, others);
  }

  private long memory() {
    return spec.memory().size().bytes();
  }

  private Checkpoint checkpoint(Path layerFolder, Supplier<OwnPages> own) {
    acting.lock();
    try {
      require(state == MachineState.PAUSED, "checkpoint");
      byte[] deviceState = saveDeviceState();
      OwnPages pages =
          spec.start() == MachineSpec.Start.BOOT
              ? OwnPages.none() // what it wrote went through to the image
              : own.get();
      try {
        return new Checkpoint(deviceState, pages, disk.freeze(layerFolder));
      } catch (RuntimeException e) {
        pages.close();
        throw e;
      }
    } finally {
      acting.unlock();
    }
  }

  /**
   * As {@link #checkpoint}, but copies only that memory in which the machine differs from the
   * newest moment of {@code history}. PAUSED → PAUSED.
   */
  public HistoryStep step(MemoryHistory history, Path layerFolder) {
    acting.lock();
    try {
      require(state == MachineState.PAUSED, "checkpoint");
      // Side by side: QEMU writes down its devices while its memory is looked at.
      CompletableFuture<byte[]> devices =
          CompletableFuture.supplyAsync(this::saveDeviceState, ASIDE);
      MemoryHistory.Capture pages = null;
      try {
        pages = history.capture(pid, memoryBase);
        byte[] deviceState = devices.join();
        return new HistoryStep(history, pages, deviceState, disk.freeze(layerFolder));
      } catch (RuntimeException e) {
        devices.handle((_, _) -> true).join(); // it must not write any more when others act
        if (pages != null) {
          pages.close();
        }
        throw e instanceof CompletionException && e.getCause() instanceof PodflareException cause
            ? cause
            : e;
      }
    } finally {
      acting.unlock();
    }
  }

  /**
   * Makes ready what a coming {@link #checkpoint} needs, while the guest still runs, so that it
   * stands still for a shorter time. Optional.
   */
  public void prepareCheckpoint() {
    act(EnumSet.of(MachineState.RUNNING, MachineState.PAUSED), "checkpoint", disk::prepareFreeze);
  }

  /**
   * Copies what frozen layers of its disk have into the one that is written, if there are more than
   * {@code most} layers; then there are no more, and those files are gone that no others use. The
   * guest goes on; a checkpoint meanwhile gives it up. Returns when nothing is left to be done.
   */
  public void foldDisk(int most) {
    EnumSet<MachineState> allowed = EnumSet.of(MachineState.RUNNING, MachineState.PAUSED);
    act(
        allowed,
        "fold its disk",
        () -> {
          if (disk.count() > most) {
            disk.beginFold(most);
          }
        });
    AtomicBoolean ended = new AtomicBoolean();
    while (!ended.get()) {
      act(allowed, "fold its disk", () -> ended.set(disk.foldEnded()));
      if (!ended.get()) {
        pause(FOLD_LOOK);
      }
    }
  }

  /** Layers of its disk above the template's. */
  public int diskLayers() {
    return disk.count();
  }

  private byte[] saveDeviceState() {
    String inside = CommandLine.VM + "/" + STATE_FILE;
    execute("xen-save-devices-state", Map.of("filename", inside, "live", false));
    Path file = parts.folders().run().resolve(STATE_FILE);
    try {
      // A QEMU that was broken into can put anything there.
      byte[] bytes = UntrustedFile.read(file, MAX_STATE);
      Files.delete(file);
      return bytes;
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "cannot remove device state", e);
    }
  }

  /** Connects to the guest's serial port. The caller closes it. */
  SocketChannel connectSerial() {
    Path socket = parts.folders().run().resolve(CommandLine.CHANNEL);
    try {
      return SocketChannel.open(UnixDomainSocketAddress.of(socket));
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "no channel to the guest", e);
    }
  }

  /** Connects to the guest's agent, one at a time. The caller closes it. */
  public ByteChannel connectAgent() {
    return rejoinAgent(0);
  }

  /**
   * As {@link #connectAgent}, but what is read begins at that byte of all that the agent has ever
   * sent, and has no gap and no repeat, whoever was connected before.
   */
  public ByteChannel rejoinAgent(long from) {
    MachineFolders folders = parts.folders();
    return PipePair.connect(folders.pipeFromGuest(), folders.pipeToGuest(), folders.stream(), from);
  }

  /** From now on {@link #rejoinAgent} will not be asked for anything before that byte. */
  public void forgetAgent(long before) {
    PipePair.forget(parts.folders().stream(), before);
  }

  /** Bytes of guest memory that differ from the image; counted without stopping the machine. */
  public long ownMemory() {
    return PageMap.ownPages(pid, memoryBase, memory()).stream().mapToLong(PageRun::length).sum();
  }

  /** Bytes that its disk layers take on the host. */
  public long ownDisk() {
    return disk.bytes();
  }

  /** The last words on the guest's console; empty when there are none or QEMU is gone. */
  public String console() {
    if (spec.channel() != MachineSpec.Channel.AGENT) {
      return "";
    }
    try {
      return execute("ringbuf-read", Map.of("device", "console", "size", 4096)).asString();
    } catch (PodflareException gone) {
      return "";
    }
  }

  /** Tells that the guest does not answer any more: taken as its end, unless it was killed. */
  public void guestIsLost() {
    tellEnd();
  }

  /**
   * False as soon as the end of the guest or of QEMU was noticed: before a command fails for it,
   * and before who listens for the end has freed what it held.
   */
  public boolean isAlive() {
    Qmp connection = qmp;
    return state != MachineState.ENDED
        && !endTold.get()
        && (connection == null || connection.isOpen());
  }

  /** It goes on, and this one has no hold of it any more. */
  void leave() {
    state = MachineState.ENDED;
    Qmp connection = qmp;
    if (connection != null) {
      connection.close();
    }
  }

  /** Ends it at once and frees all that it held. Idempotent; returns when all is freed. */
  public void kill() {
    // An interrupt must not end the clean-up half way; it is passed on afterwards.
    boolean interrupted = Thread.interrupted();
    try {
      state = MachineState.ENDED;
      Qmp connection = qmp;
      if (connection != null) {
        connection.close();
      }
      parts.release().run();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * Kills QEMU and waits until the jail's outer process has reaped it and was reaped by us: killed
   * both at once, QEMU would be left as a zombie where nobody adopts orphans.
   */
  void endProcess() {
    parts.cgroup().processes().stream()
        .filter(candidate -> candidate != outerPid())
        .forEach(inner -> ProcessHandle.of(inner).ifPresent(ProcessHandle::destroyForcibly));
    try {
      parts.outer().onExit().get(EXIT_DEADLINE.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException | ExecutionException e) {
      parts.outer().destroyForcibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    kill();
  }

  private void onEvent(JsonNode event) {
    switch (event.path("event").asString()) {
      case "SHUTDOWN", "GUEST_PANICKED" -> tellEnd();
      case "BLOCK_IO_ERROR" -> {
        if (event.path("data").path("nospace").asBoolean(false)) {
          room.isMissing();
        }
      }
      case "MIGRATION" -> {
        String status = event.path("data").path("status").asString();
        if (status.equals("completed") || status.equals("failed")) {
          loaded.complete(status.equals("completed"));
        }
      }
      default -> {
        // Other events are of no interest here.
      }
    }
  }

  private void onClosed() {
    loaded.completeExceptionally(new IOException("QEMU ended"));
    tellEnd();
  }

  /** On a thread of its own, since the listener will kill this machine and wait for it. */
  private void tellEnd() {
    if (state != MachineState.ENDED && endTold.compareAndSet(false, true)) {
      Thread.ofVirtual().name("end of " + id()).start(() -> onEnd.accept(this));
    }
  }

  private JsonNode execute(String command, Map<String, ?> arguments) {
    return qmp.execute(command, arguments, config.commandDeadline());
  }

  private void act(EnumSet<MachineState> allowed, String action, Runnable body) {
    acting.lock();
    try {
      require(allowed.contains(state), action);
      body.run();
    } finally {
      acting.unlock();
    }
  }

  private void require(boolean condition, String action) {
    if (!condition) {
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, "machine " + id() + " is " + state + " and cannot " + action);
    }
  }

  /** The end of what QEMU and its jail have said, on one line. */
  public String lastLogLines() {
    try {
      byte[] log = UntrustedFile.read(parts.folders().log(), MAX_LOG);
      List<String> lines = new String(log, StandardCharsets.UTF_8).lines().toList();
      return String.join(" | ", lines.subList(Math.max(0, lines.size() - 5), lines.size()));
    } catch (PodflareException e) {
      return "no log";
    }
  }

  private static void pause(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.TIMED_OUT, "interrupted", e);
    }
  }
}
