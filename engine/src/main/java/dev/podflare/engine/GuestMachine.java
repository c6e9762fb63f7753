package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.AgentChannel;
import dev.podflare.guest.Authority;
import dev.podflare.guest.ChannelListener;
import dev.podflare.guest.ExecCommand;
import dev.podflare.guest.GuestCall;
import dev.podflare.guest.GuestExec;
import dev.podflare.guest.GuestLanguage;
import dev.podflare.guest.GuestMounts;
import dev.podflare.guest.GuestStream;
import dev.podflare.guest.Hello;
import dev.podflare.guest.Renewal;
import dev.podflare.network.GuestAccess;
import dev.podflare.qemu.Checkpoint;
import dev.podflare.qemu.HistoryStep;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.MemoryHistory;
import dev.podflare.volume.VolumeMount;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A restored machine with the channel to its agent: it has an identity, entropy and a clock of its
 * own, and has run a first no-op in both languages, since emulated code is slow the first time.
 * Thread-safe.
 */
final class GuestMachine implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GuestMachine.class);

  /**
   * No user code has run yet, so nobody relies on a generator's state: without this all sandboxes
   * of a template would draw the same numbers. In a scope of its own: it leaves no names behind.
   */
  private static final String RESEED =
      """
      exec('''import sys
      if "random" in sys.modules: sys.modules["random"].seed()
      if "numpy.random" in sys.modules: sys.modules["numpy.random"].seed()
      ''', {})
      """;

  /** Leaves nothing behind: no name, no file, not the last result. */
  private static final ExecCommand FIRST_CALL =
      new ExecCommand(
          GuestLanguage.PYTHON,
          "print()",
          Optional.empty(),
          Map.of(),
          false,
          true,
          ExecCommand.DEFAULT_WINDOW);

  /** How long the agent may take to be silent; calls of the sandbox wait meanwhile. */
  private static final Duration BARRIER_PATIENCE = Duration.ofSeconds(10);

  private static final Duration HELD_LOOK = Duration.ofMillis(100);

  /** Layers of a disk that are left as they are. */
  private static final int MOST_LAYERS = 16;

  private final LoadedShape shape;
  private final String sandboxId;
  private final Machine machine;
  private final AgentChannel channel;
  private final long epoch;
  private final String machineId;
  private final CallJournal calls;
  private final PortChannels ports = new PortChannels();
  private final ReentrantLock waking = new ReentrantLock();

  /** Whoever stops it has this, and whoever sends a call that must not come between. */
  private final ReentrantLock freezing = new ReentrantLock();

  private final Condition letGone = freezing.newCondition();
  private final AtomicBoolean folding = new AtomicBoolean();
  private final AtomicBoolean settingClock = new AtomicBoolean();
  private final ReentrantLock giving = new ReentrantLock();
  private final ReentrantLock trusting = new ReentrantLock();
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile boolean asleep;
  private volatile boolean held;
  private volatile boolean trusts;

  /** What its Python was given; null: not known. */
  private volatile @Nullable Map<String, String> variables;

  private GuestMachine(
      Restored restored, long epoch, String machineId, @Nullable Map<String, String> variables) {
    this.shape = restored.shape().retain();
    this.sandboxId = restored.sandboxId();
    this.machine = restored.machine();
    this.channel = restored.channel();
    this.calls = restored.calls();
    this.epoch = epoch;
    this.machineId = machineId;
    this.variables = variables;
  }

  /**
   * Makes a blank the sandbox {@code sandboxId}; it runs when this returns. The blank is killed if
   * that fails.
   */
  static GuestMachine restore(
      LoadedShape shape, Machine blank, String sandboxId, Duration deadline) {
    return restoreMachine(shape, shape.checkpoint(), Outside.SHUT, blank, sandboxId)
        .renew(deadline);
  }

  /**
   * The first half: the guest runs, but still with the identity that it was frozen with.
   *
   * @param outside in force before it runs
   */
  static Restored restoreMachine(
      LoadedShape shape, Checkpoint checkpoint, Outside outside, Machine blank, String sandboxId) {
    AgentChannel channel = null;
    try {
      setNetwork(blank, outside.access());
      setVolumes(blank, outside.volumes());
      blank.restore(checkpoint);
      CallJournal calls = CallJournal.begin(blank);
      Listener listener = new Listener(sandboxId, blank, calls);
      channel = AgentChannel.open(blank.connectAgent(), listener);
      blank.resume();
      return new Restored(shape, sandboxId, blank, channel, calls);
    } catch (RuntimeException e) {
      discard(blank, channel);
      throw e;
    }
  }

  /** A running machine that must not run user code yet. */
  record Restored(
      LoadedShape shape,
      String sandboxId,
      Machine machine,
      AgentChannel channel,
      CallJournal calls) {

    /** Gives it identity, entropy and clock. */
    GuestMachine renew(Duration deadline) {
      try {
        Renewal renewal = Renewal.of(1, hostname(sandboxId));
        channel.renew(renewal, deadline);
        GuestCall.run(channel, ExecCommand.of(GuestLanguage.PYTHON, RESEED), deadline);
        channel.syncClock(deadline);
        return new GuestMachine(this, 1, renewal.machineId(), Map.of());
      } catch (RuntimeException e) {
        discard();
        throw e;
      }
    }

    /** Ends it; it will not be renewed. */
    void discard() {
      GuestMachine.discard(machine, channel);
    }

    /**
     * The same for a copy of a sandbox: its generators of random numbers go on as they were, since
     * they are the user's state, and so do the calls that are named.
     *
     * @param variables what its Python was given; null: not known
     */
    GuestMachine renewFork(
        long epoch,
        List<GuestExec> calls,
        @Nullable Map<String, String> variables,
        Duration deadline) {
      try {
        Renewal renewal = Renewal.of(epoch, hostname(sandboxId));
        channel.renew(renewal.withCarried(calls), deadline);
        channel.sendClock(); // the renewal's own time may have waited for a processor
        return new GuestMachine(this, epoch, renewal.machineId(), variables);
      } catch (RuntimeException e) {
        discard();
        throw e;
      }
    }
  }

  /** A machine of an earlier daemon, which stands still, and what was written down of its calls. */
  record Left(GuestMachine guest, CallJournal.Past past) {}

  /**
   * Goes on with a machine that an earlier daemon has left; {@link #goOn} is to follow. If this
   * fails, the machine is killed.
   */
  static Left takeOver(LoadedShape shape, Machine machine, MachineNote note, String sandboxId) {
    AgentChannel channel = null;
    try {
      CallJournal.Past past = CallJournal.read(machine);
      Listener listener = new Listener(sandboxId, machine, past.journal());
      channel = AgentChannel.joining(machine.rejoinAgent(past.position()), listener);
      Restored restored = new Restored(shape, sandboxId, machine, channel, past.journal());
      GuestMachine guest = new GuestMachine(restored, note.epoch() + 1, note.machineId(), null);
      return new Left(guest, past);
    } catch (RuntimeException e) {
      discard(machine, channel);
      throw e;
    }
  }

  /** The guest runs again, with those calls; what it has sent of them is heard. */
  void goOn(List<GuestExec> running, long lastId, Duration deadline) {
    machine.resume();
    Renewal renewal = Renewal.of(epoch, hostname(sandboxId)).withMachineId(machineId);
    Hello ignored = channel.rejoin(renewal.withCarried(running), lastId, deadline);
  }

  private static void discard(Machine machine, @Nullable AgentChannel channel) {
    machine.kill();
    if (channel != null) {
      channel.close();
    }
  }

  /** Names are limited to 63 characters: the id's digits are enough to tell sandboxes apart. */
  private static String hostname(String sandboxId) {
    return sandboxId.replace('_', '-');
  }

  /**
   * A guest at one instant: memory, devices and disk.
   *
   * @param epoch of the channel, as the memory knows it
   * @param running calls that the host had begun; the memory may not have all of them
   * @param terminals those of them that are open terminals, as they were then
   * @param processes those of them that are processes, likewise, by number
   * @param variables what its Python was given; null: not known
   * @param paused how long the guest stood still for it
   */
  record Frozen(
      Checkpoint checkpoint,
      long epoch,
      List<GuestExec> running,
      List<TerminalState> terminals,
      Map<Long, ProcessState> processes,
      @Nullable Map<String, String> variables,
      Duration paused)
      implements AutoCloseable {
    @Override
    public void close() {
      checkpoint.close();
    }
  }

  /**
   * Freezes the guest at one instant; it goes on in any case. Calls that are sent meanwhile wait.
   * One at a time.
   *
   * @param layerFolder gets the frozen disk layers
   */
  Frozen freeze(Path layerFolder, Laps laps) {
    return freeze(() -> machine.checkpoint(layerFolder), laps);
  }

  /**
   * As {@link #freeze}, for a place where the image of this machine will not be.
   *
   * @param standing it is held, and will be for as long as what is returned is used
   */
  Frozen freezeForStore(Path layerFolder, boolean standing, Laps laps) {
    return freeze(() -> machine.checkpointOverStored(layerFolder, standing), laps);
  }

  private Frozen freeze(Supplier<Checkpoint> action, Laps laps) {
    freezing.lock();
    try {
      return freezeLocked(action, laps);
    } finally {
      freezing.unlock();
    }
  }

  private Frozen freezeLocked(Supplier<Checkpoint> action, Laps laps) {
    if (held) {
      return frozen(action, laps);
    }
    wake();
    machine.prepareCheckpoint();
    laps.lap("prepare");
    try {
      silence();
      laps.lap("barrier");
      return frozen(() -> stopAndCopy(action, Checkpoint::close), laps);
    } finally {
      channel.release();
    }
  }

  /** Nothing is in flight: what is known of it here is what the copied memory knows. */
  private Frozen frozen(Supplier<Checkpoint> copy, Laps laps) {
    List<GuestExec> running = channel.running();
    List<TerminalState> terminals = TerminalState.of(running);
    Map<Long, ProcessState> processes = ProcessState.of(running);
    Map<String, String> given = variables;
    long begin = System.nanoTime();
    Checkpoint checkpoint = copy.get();
    Duration paused = held ? Duration.ZERO : Duration.ofNanos(System.nanoTime() - begin);
    laps.lap("checkpoint");
    return new Frozen(checkpoint, epoch, running, terminals, processes, given, paused);
  }

  /** Until a release; a guest that cannot answer is not waited for. */
  private void silence() {
    machine.requireRoom();
    channel.barrier(BARRIER_PATIENCE);
  }

  private <T> T stopAndCopy(Supplier<T> action, Consumer<T> discard) {
    machine.pause();
    T copy;
    try {
      copy = action.get();
    } catch (RuntimeException | Error e) { // no memory is no reason to stand still for ever
      machine.resume();
      throw e;
    }
    try {
      machine.resume();
      return copy;
    } catch (RuntimeException e) {
      discard.accept(copy);
      throw e;
    }
  }

  /**
   * A guest at one instant, of whose memory only what has changed was copied.
   *
   * @param epoch as in {@link Frozen}
   * @param calls that ran
   * @param terminals that were open
   */
  record Step(HistoryStep machine, long epoch, List<SavedCall> calls, List<TerminalState> terminals)
      implements AutoCloseable {
    @Override
    public void close() {
      machine.close();
    }
  }

  /** As {@link #freeze}, but copies only what has changed since the newest moment. */
  Step freezeInto(MemoryHistory history, Path layerFolder) {
    freezing.lock();
    try {
      wake();
      machine.prepareCheckpoint();
      try {
        silence();
        List<GuestExec> running = channel.running();
        List<TerminalState> terminals = TerminalState.ofMany(running);
        List<SavedCall> calls = SavedCall.of(running, ProcessState.ofMany(running), Instant.now());
        HistoryStep step =
            stopAndCopy(() -> machine.step(history, layerFolder), HistoryStep::close);
        return new Step(step, epoch, calls, terminals);
      } finally {
        channel.release();
      }
    } finally {
      freezing.unlock();
    }
  }

  /** Nobody freezes it or lets it stand still meanwhile. */
  void exclusively(Runnable action) {
    freezing.lock();
    try {
      action.run();
    } finally {
      freezing.unlock();
    }
  }

  /** As {@link #exclusively}, once it does not stand still by a {@link #hold}. */
  <T> T whileNotHeld(Supplier<T> action) {
    freezing.lock();
    try {
      while (held && alive()) {
        // Looks again now and then: its end wakes nobody.
        boolean ignored = letGone.await(HELD_LOOK.toMillis(), TimeUnit.MILLISECONDS);
      }
      return action.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    } finally {
      freezing.unlock();
    }
  }

  /**
   * A frozen layer was left under its disk by each of some checkpoints: a long chain is slow and
   * takes files, so it is made short in the background.
   */
  void foldSoon() {
    if (machine.diskLayers() > MOST_LAYERS && folding.compareAndSet(false, true)) {
      Thread.ofVirtual().name("fold of " + machine.id()).start(this::fold);
    }
  }

  private void fold() {
    try {
      machine.foldDisk(MOST_LAYERS);
    } catch (PodflareException e) {
      LOG.debug("{}: the disk was not folded: {}", machine.id(), e.sentence());
    } finally {
      folding.set(false);
    }
  }

  /**
   * Stops it, with nothing in flight on its channel, until {@link #letGoOn}. Calls that are sent
   * meanwhile wait. It can be frozen as it is. Whoever calls sees to it that nobody else freezes it
   * or lets it go on at the same time.
   */
  void hold() {
    wake();
    freezing.lock();
    try {
      silence();
      machine.pause();
      held = true;
    } finally {
      if (!held) {
        channel.release();
      }
      freezing.unlock();
    }
  }

  /** Whether it stands still by a {@link #hold}. */
  boolean isHeld() {
    return held;
  }

  /** Ends a {@link #hold}: what is sent to it from now on finds the clock set. */
  void letGoOn() {
    freezing.lock();
    try {
      machine.resume();
      held = false;
      channel.release();
      channel.sendClock();
      letGone.signalAll();
    } finally {
      freezing.unlock();
    }
  }

  /**
   * Runs a first call in each language and brings the clock to the host's. A restored machine has
   * the template's memory, but an emulated processor translates its code anew: what a first call
   * goes through takes three times as long as the second.
   */
  void warm(Duration deadline) {
    GuestCall.run(channel, FIRST_CALL, deadline);
    GuestCall.run(channel, ExecCommand.of(GuestLanguage.BASH, ":"), deadline);
    channel.syncClock(deadline);
  }

  /** What {@link #warm} does for one that has a user: nothing of his is run, nor while he runs. */
  void rehearse(Duration patience) {
    if (channel.running().isEmpty()) {
      channel.rehearse(patience);
    }
  }

  /** Stops it until it is handed out: it costs no processor time. */
  void sleep() {
    machine.pause();
    asleep = true;
  }

  /** Goes on, if it sleeps; what is sent to it from now on finds the clock set. Idempotent. */
  void wake() {
    if (!asleep) {
      return;
    }
    waking.lock();
    try {
      if (asleep) {
        machine.resume();
        channel.sendClock();
        asleep = false;
      }
    } finally {
      waking.unlock();
    }
  }

  /**
   * Brings the clock of a running guest to the host's, on a thread of its own, since a guest can
   * make its channel wait; not while the last time is still under way.
   */
  void setClockSoon() {
    if (!asleep && !held && settingClock.compareAndSet(false, true)) {
      Thread.ofVirtual().name("clock of " + sandboxId).start(this::setClock);
    }
  }

  /** In force when it returns; on failure the old policy still is. */
  void setNetwork(GuestAccess access) {
    setNetwork(machine, access);
  }

  private static void setNetwork(Machine machine, GuestAccess access) {
    port(machine).ifPresent(port -> port.apply(access));
  }

  /**
   * Sees to it that calls of Python that are sent from now on find these variables in their
   * environment. False: its agent is too old, they have to go with each call.
   */
  boolean giveVariables(Map<String, String> wanted) {
    if (!channel.keepsVariables()) {
      return false;
    }
    giving.lock();
    try {
      if (!wanted.equals(variables)) {
        channel.sendVariables(wanted);
        variables = wanted;
      }
      return true;
    } finally {
      giving.unlock();
    }
  }

  /**
   * Sees to it that what is sent to it from now on finds the gate's authority trusted, if it has
   * secrets. It is told once: what it was told before this was its machine may have been undone.
   */
  void trustSoon() {
    if (trusts) {
      return;
    }
    try {
      port().flatMap(SlotPort::authority).ifPresent(this::sendTrust);
    } catch (PodflareException e) {
      LOG.debug("{}: {}", sandboxId, e.sentence()); // it has no part in what is sent next
    }
  }

  private void sendTrust(Authority authority) {
    trusting.lock();
    try {
      if (!trusts) {
        channel.sendTrust(authority);
        trusts = true;
      }
    } finally {
      trusting.unlock();
    }
  }

  /** The same, and waits for it. */
  void trustNow(Duration patience) {
    Optional<Authority> authority = port().flatMap(SlotPort::authority);
    if (authority.isPresent()) {
      wake();
      channel.trust(authority.get(), patience);
      trusts = true;
    }
  }

  /** {@code GUEST_TOO_OLD} if it cannot be told. */
  void requireTrust() {
    channel.requireTrust();
  }

  /** What it may use from now on; these are not mounted by that. */
  void setVolumes(List<VolumeMount> volumes) {
    setVolumes(machine, volumes);
  }

  private static void setVolumes(Machine machine, List<VolumeMount> volumes) {
    port(machine).ifPresent(port -> port.setVolumes(machine.id(), volumes));
  }

  /** Mounts volumes, which it may use already. */
  void mount(List<SandboxMount> mounts, Duration patience) {
    wake();
    GuestMounts.mount(
        channel,
        mounts.stream()
            .map(it -> new GuestMounts.Mount(it.name(), it.path(), it.readOnly()))
            .toList(),
        patience);
  }

  /** Its place in the network; empty where the host gives guests none. */
  Optional<SlotPort> port() {
    return port(machine);
  }

  private static Optional<SlotPort> port(Machine machine) {
    return machine.spec().network().filter(SlotPort.class::isInstance).map(SlotPort.class::cast);
  }

  /** Calls the guest by the sandbox that it is from now on. */
  void setName(String newSandboxId) {
    try {
      channel.sendName(hostname(newSandboxId));
    } catch (PodflareException lost) {
      LOG.debug("{}: {}", sandboxId, lost.sentence());
    }
  }

  private void setClock() {
    try {
      channel.sendClock();
    } catch (PodflareException lost) {
      LOG.debug("{}: {}", sandboxId, lost.sentence());
    } finally {
      settingClock.set(false);
    }
  }

  /** Connections of the host to its ports; closed when it ends. */
  PortChannels ports() {
    return ports;
  }

  /** What is written down of its calls. */
  CallJournal calls() {
    return calls;
  }

  /** From now on the next daemon takes it for that sandbox's. */
  void claim(String sandbox) {
    machine.note(MachineNote.of(this, sandbox).text());
  }

  /** The same of one that stands still since then. */
  void claim(String sandbox, Instant pausedAt) {
    machine.note(MachineNote.of(this, sandbox).pausedAt(pausedAt).text());
  }

  /** The next daemon takes it for {@code next}'s, if the records say that it was merged. */
  void claim(String sandbox, String next) {
    machine.note(MachineNote.of(this, sandbox).becoming(next).text());
  }

  long epoch() {
    return epoch;
  }

  /** The guest's own word for itself, 32 hex digits. */
  String machineId() {
    return machineId;
  }

  LoadedShape shape() {
    return shape;
  }

  String sandboxId() {
    return sandboxId;
  }

  Machine machine() {
    return machine;
  }

  AgentChannel channel() {
    return channel;
  }

  boolean alive() {
    return channel.isOpen() && machine.isAlive();
  }

  /** Nobody here can speak with it any more, but it goes on, for the next daemon. */
  void leave() {
    calls.seal(); // first: a call that waited must not begin now that another has been cut off
    letGo();
  }

  /** Nobody can speak with it any more; {@link #close} is still to come. */
  void letGo() {
    ports.close();
    channel.close();
  }

  @Override
  public void close() {
    calls.seal(); // before its files are removed: they must not come back
    ports.close(); // before its place in the network is another's
    machine.kill(); // first: a channel that closes before counts as a crash
    channel.close();
    if (closed.compareAndSet(false, true)) {
      shape.close();
    }
  }

  private record Listener(String sandboxId, Machine machine, CallJournal calls)
      implements ChannelListener {
    @Override
    public void taken(long position) {
      calls.taken(position);
    }

    @Override
    public void notice(Map<String, Object> notice) {
      // The guest's own words, as many as it likes: never at a level that is usually written.
      LOG.debug("{}: notice {}", sandboxId, LogText.safe(notice.toString()));
    }

    @Override
    public void stray(GuestStream stream, byte[] bytes) {
      // Written between calls by a thread of the user's: belongs to no execution.
      LOG.trace("{}: {} bytes written to {} between calls", sandboxId, bytes.length, stream);
    }

    @Override
    public void closed(PodflareException cause) {
      LOG.debug("{}: channel closed: {}", sandboxId, cause.sentence());
      machine.guestIsLost();
    }
  }
}
