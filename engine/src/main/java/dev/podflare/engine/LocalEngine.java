package dev.podflare.engine;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.common.SteadyClock;
import dev.podflare.image.BuiltTemplate;
import dev.podflare.image.FetchedShapes;
import dev.podflare.image.Shape;
import dev.podflare.network.Cidr;
import dev.podflare.network.EgressPolicy;
import dev.podflare.network.SecretRule;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.qemu.HypervisorConfig;
import dev.podflare.qemu.Machine;
import dev.podflare.store.Change;
import dev.podflare.store.Origin;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SavedMachine;
import dev.podflare.store.Store;
import dev.podflare.store.VolumeRecord;
import dev.podflare.store.checkpoint.CheckpointStore;
import dev.podflare.store.checkpoint.CheckpointStoreConfig;
import dev.podflare.store.checkpoint.FolderBlobs;
import dev.podflare.store.checkpoint.StoreKey;
import dev.podflare.volume.VolumeConfig;
import dev.podflare.volume.Volumes;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine of one host. What it holds, each in a class of its own: {@link Shapes} and their
 * pools, the live {@link Sandboxes}, {@link Admission}, and the store's records. A create admits,
 * takes a sleeping machine (or restores one), writes the record, wakes the machine and registers
 * the sandbox; each step is undone if a later one fails. Thread-safe.
 */
public final class LocalEngine implements Engine, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LocalEngine.class);
  private static final Duration TICK = Duration.ofMillis(250);

  /** The official client waits for 10 s until a terminal is open. */
  private static final Duration TERMINAL_PATIENCE = Duration.ofSeconds(9);

  private static final Duration MOUNT_PATIENCE = Duration.ofSeconds(20);

  /** For the last frozen shape: the next daemon on this data folder does the rest. */
  private static final Duration LAST_SHARING = Duration.ofSeconds(20);

  private static final int TICKS_A_SECOND = 4;
  private static final int TICKS_AN_EXPIRY = 8;
  private static final int TICKS_A_HOUSEKEEPING = 120;
  private static final int TICKS_A_CLEANING = 14_400;

  private final EngineConfig config;
  private final SteadyClock clock;
  private final ClockJumps clockJumps;
  private final DataLock dataLock;
  private final Hypervisor hypervisor;
  private final Optional<GuestNetwork> network;
  private final Volumes volumes;
  private final VolumeCatalog catalog;
  private final Blanks blanks;
  private final Ids ids;
  private final Store store;
  private final Shapes shapes;
  private final Admission admission;
  private final Sandboxes sandboxes;
  private final SandboxPlanner planner;
  private final Pauses pauses;
  private final CheckpointVault vault;
  private final ShapeSharing sharing;
  private final Spaces spaces;
  private final Snapshots snapshots;
  private final Undos undos;
  private final StoreCleaning cleaning;
  private final Forks forks;
  private final Merges merges;
  private final Diffs diffs;
  private final Ports ports;
  private final Secrets secrets;
  private final GitClones gitClones;
  private final Waker waker;
  private final Timers timers = new Timers();
  private final EventBudget budget = EventBudget.ofHeap();
  private final ExecutorService housekeeper =
      Executors.newSingleThreadExecutor(
          task -> Thread.ofPlatform().daemon().name("housekeeper").unstarted(task));
  private final Thread keeper;
  private volatile boolean closed;
  private volatile boolean tookOver;

  /** What the engine stands on, opened before it. */
  private record Base(
      DataLock dataLock,
      Hypervisor hypervisor,
      Optional<GuestNetwork> network,
      Store store,
      CheckpointStore checkpoints,
      Volumes volumes,
      SecretVault secrets) {}

  private LocalEngine(EngineConfig config, SteadyClock clock, Base base) {
    this.config = config;
    this.clock = clock;
    this.dataLock = base.dataLock();
    this.hypervisor = base.hypervisor();
    this.network = base.network();
    this.store = base.store();
    this.ids = Ids.ofNode(config.node());
    this.volumes = base.volumes();
    this.catalog = new VolumeCatalog(store, volumes, config.volumes(), ids, clock);
    this.blanks = new Blanks(hypervisor, network, ids, this::machineEnded);
    MachineSaver.Identity identity =
        new MachineSaver.Identity(store.identity(), dataLock.instance());
    FetchedShapes fetched =
        new FetchedShapes(config.dataFolder().resolve("shapes"), hypervisor.fingerprint());
    Optional<ShapeVault> shapeVault = shapeVault(base, fetched, identity);
    this.sharing = new ShapeSharing(shapeVault);
    this.shapes = new Shapes(config, hypervisor, ids, blanks, fetched, shapeVault);
    this.waker = new Waker(shapes::untilCalm);
    this.admission = new Admission(config.limits(), config.dataFolder());
    this.sandboxes = new Sandboxes(store.sandboxes(), clock, config.deadlines().create());
    this.clockJumps = new ClockJumps(clock, sandboxes, store.sandboxes());
    this.planner = new SandboxPlanner(config);
    this.pauses = new Pauses(sandboxes, store.sandboxes());
    Forks.Host host =
        new Forks.Host(
            shapes, admission, sandboxes, store.sandboxes(), ids, budget, timers, waker, clock);
    CheckpointFolders folders = new CheckpointFolders(config.dataFolder());
    this.forks = new Forks(config, host, folders);
    this.vault = new CheckpointVault(base.checkpoints(), folders);
    MachineSaver saver = new MachineSaver(vault, hypervisor, identity, sharing, clock);
    Thaws thaws = new Thaws(vault, host, config);
    this.spaces = new Spaces(store, host, saver, thaws, config.deadlines().create());
    this.cleaning = new StoreCleaning(base.checkpoints(), store, host, sharing, identity);
    this.snapshots = new Snapshots(store, host, saver, thaws);
    this.undos = new Undos(config, host, folders, store.events());
    this.merges = new Merges(sandboxes);
    this.diffs = new Diffs(sandboxes, pauses);
    this.ports = new Ports(pauses, network);
    this.secrets = new Secrets(base.secrets(), store.sandboxes(), clock);
    this.gitClones = new GitClones(secrets, config.guestEnvironment(), this::lend);
    this.keeper = Thread.ofVirtual().name("sandbox keeper").unstarted(this::keep);
  }

  /** Where other nodes have the records, by which they find what this one has saved. */
  private Optional<ShapeVault> shapeVault(
      Base base, FetchedShapes fetched, MachineSaver.Identity identity) {
    return store.shared()
        ? Optional.of(
            new ShapeVault(
                base.checkpoints(),
                store.shapes(),
                fetched,
                hypervisor,
                identity,
                new ShapeVault.Disk(config.dataFolder(), config.limits().diskReserve())))
        : Optional.empty();
  }

  /**
   * Starts the engine on a data folder that no other daemon uses: ends what a killed one left,
   * closes its records, and fills the pool in the background. The store stays the caller's to
   * close; checkpoints are kept in the data folder.
   */
  public static LocalEngine start(EngineConfig config, Store store) {
    return start(config, DataLock.acquire(config.dataFolder()), store, checkpoints(config));
  }

  /**
   * As above under a lock that was taken before, and with checkpoints in a store of choice; the
   * engine closes both, also when it fails.
   */
  public static LocalEngine start(
      EngineConfig config, DataLock lock, Store store, CheckpointStore checkpoints) {
    return start(config, lock, store, checkpoints, Optional.empty());
  }

  /**
   * The same.
   *
   * @param secretsKey that values of secrets are sealed with; empty: one of the data folder
   */
  public static LocalEngine start(
      EngineConfig config,
      DataLock lock,
      Store store,
      CheckpointStore checkpoints,
      Optional<StoreKey> secretsKey) {
    SecretVault vault = new SecretVault(config.dataFolder(), secretsKey);
    Hypervisor hypervisor = null;
    Optional<GuestNetwork> network = Optional.empty();
    Optional<Volumes> volumes = Optional.empty();
    boolean others = false;
    try {
      HypervisorConfig machines =
          HypervisorConfig.of(lock.instance(), config.dataFolder(), config.accelerator());
      Claims claims = Claims.of(Hypervisor.survivors(machines), store.sandboxes(), config);
      others = !claims.all().isEmpty();
      hypervisor = Hypervisor.open(machines, claims.survivors());
      LOG.info(
          "accelerator {}: {}",
          hypervisor.accelerator().kind().wireName(),
          hypervisor.accelerator().reason());
      Volumes folders = volumes(config, store);
      volumes = Optional.of(folders);
      // After those machines of a killed daemon that nobody claims have been ended.
      network =
          config
              .network()
              .map(it -> GuestNetwork.open(it, lock.instance(), claims.slots(), folders, vault));
      LocalEngine engine =
          new LocalEngine(
              config,
              new SteadyClock(),
              new Base(lock, hypervisor, network, store, checkpoints, folders, vault));
      engine.takeOver(claims);
      engine.begin();
      return engine;
    } catch (RuntimeException e) {
      if (hypervisor != null) {
        undo(hypervisor, network, others);
      }
      volumes.ifPresent(Volumes::close);
      checkpoints.close();
      lock.close();
      throw e;
    }
  }

  /** Machines that are others' go on all the same, until a start succeeds. */
  private static void undo(Hypervisor hypervisor, Optional<GuestNetwork> network, boolean others) {
    if (others) {
      hypervisor.leave();
      network.ifPresent(GuestNetwork::abandon);
    } else {
      hypervisor.close();
      network.ifPresent(GuestNetwork::close);
    }
  }

  /** Those of this node; a folder whose record is gone is deleted. */
  private static Volumes volumes(EngineConfig config, Store store) {
    Map<String, DataSize> known =
        store.volumes().list(Optional.empty()).stream()
            .filter(it -> it.node().equals(store.node()))
            .collect(Collectors.toMap(VolumeRecord::id, it -> new DataSize(it.maxBytes())));
    return Volumes.open(
        config.dataFolder().resolve("volumes"),
        VolumeConfig.withReserve(config.limits().diskReserve()),
        known);
  }

  /** Where checkpoints are kept by default. */
  public static CheckpointStore checkpoints(EngineConfig config) {
    return CheckpointStore.open(
        FolderBlobs.open(checkpointFolder(config.dataFolder())), CheckpointStoreConfig.defaults());
  }

  /** The folder that has them by default. */
  public static Path checkpointFolder(Path dataFolder) {
    return dataFolder.resolve("store");
  }

  /** Sandboxes whose machines go on do too; the machines of others are gone. */
  private void takeOver(Claims claims) {
    tookOver = !claims.all().isEmpty();
    new TakeOver(config, hypervisor, network, forks.host(), this::machineEnded).run(claims);
    UndoFiles.sweep(
        config.dataFolder(),
        sandboxes.all().stream().map(it -> it.guest().machine().id()).collect(Collectors.toSet()));
    Set<String> live =
        sandboxes.all().stream().map(it -> it.record().id()).collect(Collectors.toSet());
    List<SavedMachine> back = store.saved().restoreLast(live);
    if (!back.isEmpty()) {
      LOG.warn("{} sandboxes go back to what they were when they were last frozen", back.size());
    }
    List<SandboxRecord> left =
        store.sandboxes().closeAllLive(CloseReason.HOST_SHUTDOWN.wireName(), live);
    if (!left.isEmpty()) {
      LOG.info("{} sandboxes of an earlier run were closed", left.size());
    }
  }

  /**
   * Undoes a start of which a later part has failed: sandboxes of an earlier daemon go on all the
   * same, until a start succeeds.
   */
  public void abandonStart() {
    if (tookOver) {
      leave();
    } else {
      close();
    }
  }

  private void begin() {
    keeper.start();
    preload();
    inBackground("looking for frozen shapes to store", cleaning::shareWhatIsNeeded);
  }

  /** Loads the templates that have pools, if they are built, and fills these; in the background. */
  public void preload() {
    Thread.ofVirtual().name("preload").start(this::preloadNow);
  }

  private void preloadNow() {
    try {
      shapes.preload();
    } catch (PodflareException e) {
      LOG.warn("cannot load a template: {}", e.sentence());
    }
  }

  @Override
  public CreatedSandbox create(Caller caller, CreateRequest request) {
    shapes.creates();
    try {
      return createOnce(caller, request);
    } catch (PodflareException e) {
      if (e.code() != ErrorCode.MACHINE_FAILED) {
        throw e;
      }
      // A machine can die in the very moment in which it is handed over; another one will not.
      LOG.info("a create is tried again: {}", e.sentence());
      return createOnce(caller, request);
    } finally {
      shapes.creates();
    }
  }

  private CreatedSandbox createOnce(Caller caller, CreateRequest request) {
    Laps laps = new Laps();
    String sealed = secrets.seal(request.secrets(), network.isPresent());
    List<SandboxMount> mounts = catalog.resolve(caller, request.mounts(), network.isPresent());
    SandboxPlanner.Plan plan =
        planner.plan(request, shapes.template(request.template().orElse(config.defaultTemplate())));
    Admission.Place place = admission.admit(caller, plan.shape().memory());
    laps.lap("admit");
    GuestMachine guest = null;
    try {
      Taken taken = take(plan, laps);
      guest = taken.guest();
      SandboxRecord record =
          plan.record(guest.sandboxId(), caller, mounts, clock.instant()).withSecrets(sealed);
      Sandbox sandbox = register(record, mounts, taken, place, laps);
      shapes.served();
      return new CreatedSandbox(sandbox.view(), taken.source(), laps.milliseconds());
    } catch (RuntimeException e) {
      if (guest != null) {
        guest.close();
      }
      place.release();
      throw e;
    }
  }

  private record Taken(GuestMachine guest, String source) {}

  /** One deadline covers the wait for a shape and the wait for a place. */
  private Taken take(SandboxPlanner.Plan plan, Laps laps) {
    long end = System.nanoTime() + config.deadlines().create().toNanos();
    Shapes.Found found =
        shapes.find(plan.template(), plan.shape(), plan.disk(), config.deadlines().create());
    Optional<GuestMachine> sleeping = found.pool().take();
    if (sleeping.isPresent()) {
      laps.lap("take");
      return new Taken(sleeping.get(), "pool");
    }
    GuestMachine restored = found.pool().restore(Duration.ofNanos(end - System.nanoTime()));
    laps.lap(found.booted() ? "boot" : "restore");
    return new Taken(restored, found.booted() ? "boot" : "restore");
  }

  private Sandbox register(
      SandboxRecord record,
      List<SandboxMount> mounts,
      Taken taken,
      Admission.Place place,
      Laps laps) {
    taken.guest().setNetwork(RecordedAccess.of(record));
    laps.lap("network");
    if (!mounts.isEmpty()) {
      taken.guest().setVolumes(MountText.served(record.mounts()));
      taken.guest().mount(mounts, MOUNT_PATIENCE);
      laps.lap("mount");
    }
    taken.guest().claim(record.id());
    store.sandboxes().insert(record, Origin.TEMPLATE);
    laps.lap("record");
    Sandbox sandbox = new Sandbox(record, taken.guest(), place, config, budget, timers, clock);
    sandboxes.add(sandbox);
    sandboxes.requireAlive(sandbox);
    waker.wakeSoon(sandbox);
    if (record.persistent()) {
      sharing.share(sandbox.guest().shape().frozen()); // it will be frozen one day
    }
    return sandbox;
  }

  @Override
  public SandboxPage list(Caller caller, ListRequest request) {
    return sandboxes.list(caller, request, network.isPresent());
  }

  @Override
  public SandboxView get(Caller caller, String sandboxId) {
    return sandboxes
        .remembered(caller, sandboxId)
        .map(record -> SandboxView.remembered(record, network.isPresent()))
        .orElseGet(() -> sandboxes.find(caller, sandboxId).viewWithFigures());
  }

  @Override
  public SandboxView patch(Caller caller, String sandboxId, PatchRequest request) {
    Sandbox sandbox = spaces.present(caller, sandboxId);
    synchronized (sandbox) {
      if (!sandbox.is(sandboxId)) {
        return patch(caller, sandboxId, request); // closed or merged since a moment
      }
      SandboxRecord changed = planner.patch(sandbox.record(), request, clock.instant());
      if (!store.sandboxes().update(changed, Change.SETTINGS)) {
        return sandboxes.find(caller, sandboxId).view(); // closed meanwhile: says why
      }
      sandbox.replaceRecord(changed);
    }
    sandbox.touch();
    return sandbox.view();
  }

  @Override
  public NetworkView network(Caller caller, String sandboxId) {
    Sandbox sandbox = spaces.present(caller, sandboxId);
    Optional<SlotPort> port = sandbox.guest().port();
    return new NetworkView(
        PolicyText.parse(sandbox.record().network()), port.isPresent(), port.map(SlotPort::report));
  }

  @Override
  public NetworkView setNetwork(Caller caller, String sandboxId, EgressPolicy policy) {
    Sandbox sandbox = spaces.present(caller, sandboxId);
    synchronized (sandbox) {
      if (!sandbox.is(sandboxId)) {
        return setNetwork(caller, sandboxId, policy); // closed or merged since a moment
      }
      SandboxRecord old = sandbox.record();
      SandboxRecord changed = old.withNetwork(PolicyText.of(policy));
      sandbox.applyAccess(changed);
      try {
        if (store.sandboxes().update(changed, Change.SETTINGS)) {
          sandbox.replaceRecord(changed);
        }
      } catch (RuntimeException e) {
        sandbox.applyAccess(old);
        throw e;
      }
    }
    sandbox.touch();
    return new NetworkView(policy, sandbox.guest().port().isPresent(), Optional.empty());
  }

  @Override
  public List<SecretView> secrets(Caller caller, String sandboxId) {
    Optional<SandboxRecord> remembered = sandboxes.remembered(caller, sandboxId);
    if (remembered.isPresent()) {
      return Secrets.list(remembered.get(), Map.of());
    }
    Sandbox sandbox = sandboxes.find(caller, sandboxId);
    return Secrets.list(
        sandbox.record(), sandbox.guest().port().map(SlotPort::secretUses).orElse(Map.of()));
  }

  @Override
  public SecretView putSecret(Caller caller, String sandboxId, SecretRequest request) {
    boolean done;
    do {
      done = secrets.put(spaces.present(caller, sandboxId), sandboxId, request);
    } while (!done); // closed or merged since a moment: the next look says so
    return secrets(caller, sandboxId).stream()
        .filter(it -> it.name().equals(request.name()))
        .findFirst()
        .orElseThrow(() -> Secrets.notThere(request.name()));
  }

  @Override
  public void deleteSecret(Caller caller, String sandboxId, String name) {
    boolean done;
    do {
      // Nobody has to be woken for it, nor may be.
      done =
          spaces.changeSecrets(caller, sandboxId, text -> SecretVault.remove(text, name))
              || secrets.delete(spaces.present(caller, sandboxId), sandboxId, name);
    } while (!done);
  }

  @Override
  public ClonedRepository cloneRepository(
      Caller caller, String sandboxId, GitCloneRequest request) {
    return gitClones.clone(caller, sandboxId, request);
  }

  /** Runs code in a sandbox that has some secrets until {@link GitClones.Loan#close}. */
  private GitClones.Loan lend(
      Caller caller, String sandboxId, ExecRequest request, List<SecretRule> lent) {
    planner.check(request);
    Sandbox sandbox = awake(caller, sandboxId);
    if (!lent.isEmpty()) {
      secrets.requireGate(sandbox);
      sandbox.hold(lent);
    }
    try {
      return new GitClones.Loan(
          sandbox.execute(ids.execution(), request), () -> sandbox.forget(lent));
    } catch (RuntimeException e) {
      sandbox.forget(lent);
      throw e;
    }
  }

  @Override
  public SandboxView pause(Caller caller, String sandboxId) {
    return pauses.pause(caller, sandboxId).viewWithFigures();
  }

  @Override
  public SandboxView resume(Caller caller, String sandboxId) {
    spaces.wake(caller, sandboxId);
    return pauses.resume(caller, sandboxId).viewWithFigures();
  }

  @Override
  public void delete(Caller caller, String sandboxId) {
    Optional<Sandbox> sandbox = sandboxes.findToDelete(caller, sandboxId);
    while (sandbox.isPresent()) {
      sandboxes.close(sandbox.get(), CloseReason.DELETED);
      sandbox = sandboxes.findToDelete(caller, sandboxId); // another one, if it was just merged
    }
    if (spaces.deleteOf(caller, sandboxId)) {
      LOG.info("{} deleted, which was frozen", sandboxId);
    }
  }

  @Override
  public ForkedSandboxes fork(Caller caller, String sandboxId, ForkRequest request) {
    spaces.present(caller, sandboxId).touch();
    return forks.fork(caller, sandboxId, request);
  }

  @Override
  public void merge(Caller caller, String sandboxId, String winnerId, boolean closeSiblings) {
    if (!sandboxId.equals(winnerId)) {
      presentToMerge(caller, sandboxId);
      presentToMerge(caller, winnerId);
    }
    merges.merge(caller, sandboxId, winnerId, closeSiblings);
  }

  /** Wakes a frozen one; that one is gone is told by the merge itself. */
  private void presentToMerge(Caller caller, String sandboxId) {
    if (sandboxes.frozen(caller, sandboxId).isPresent()) {
      spaces.present(caller, sandboxId).touch();
    }
  }

  @Override
  public FanOut fanOut(Caller caller, String sandboxId, FanOutRequest request) {
    request.calls().forEach(planner::check); // before there are children
    return Engine.super.fanOut(caller, sandboxId, request);
  }

  @Override
  public FileDiff diff(Caller caller, String sandboxId, String otherId, DiffRequest request) {
    spaces.present(caller, sandboxId).touch();
    spaces.present(caller, otherId).touch();
    return diffs.diff(caller, sandboxId, otherId, request);
  }

  @Override
  public void touch(Caller caller, String sandboxId) {
    sandboxes.find(caller, sandboxId).touch();
  }

  @Override
  public List<FamilyMember> tree(Caller caller, String sandboxId) {
    return sandboxes.tree(
        sandboxes
            .remembered(caller, sandboxId)
            .orElseGet(() -> sandboxes.find(caller, sandboxId).record()));
  }

  @Override
  public SocketChannel connectPort(Caller caller, String sandboxId, int port) {
    spaces.present(caller, sandboxId).touch();
    return ports.connect(caller, sandboxId, port);
  }

  @Override
  public Execution exec(Caller caller, String sandboxId, ExecRequest request) {
    planner.check(request);
    return onAwake(
        caller,
        sandboxId,
        e -> e.code() == ErrorCode.GONE,
        sandbox -> sandbox.execute(ids.execution(), resolved(sandbox, request)));
  }

  /** With the language of its context, if it has one. */
  private ExecRequest resolved(Sandbox sandbox, ExecRequest request) {
    return request.context().map(id -> sandbox.contexts(ids).resolve(request, id)).orElse(request);
  }

  @Override
  public Contexts contexts(Caller caller, String sandboxId) {
    return awake(caller, sandboxId).contexts(ids);
  }

  @Override
  public SandboxFiles files(Caller caller, String sandboxId) {
    return new LocalFiles(
        request -> onAwake(caller, sandboxId, _ -> true, sandbox -> sandbox.openFile(request)));
  }

  /**
   * Does something with a sandbox that runs; once more if the id has had another machine since a
   * moment.
   *
   * @param again which refusals of the machine of before are to be tried with the new one
   */
  private <T> T onAwake(
      Caller caller,
      String sandboxId,
      Predicate<PodflareException> again,
      Function<Sandbox, T> action) {
    Sandbox sandbox = awake(caller, sandboxId);
    try {
      return action.apply(sandbox);
    } catch (PodflareException e) {
      if (e.code() == ErrorCode.MACHINE_FAILED && !sandbox.guest().alive()) {
        spaces.crashed(sandbox);
      }
      Sandbox now = awake(caller, sandboxId); // says if it is gone, and why
      if (now == sandbox || !again.test(e)) {
        throw e;
      }
      return action.apply(now);
    }
  }

  /** One that runs; it is woken if it was made so. */
  private Sandbox awake(Caller caller, String sandboxId) {
    spaces.present(caller, sandboxId).touch();
    shapes.served();
    return pauses.awake(caller, sandboxId);
  }

  @Override
  public Terminal openTerminal(Caller caller, String sandboxId, TerminalRequest request) {
    return onAwake(
        caller,
        sandboxId,
        e -> e.code() == ErrorCode.GONE,
        sandbox ->
            handle(
                caller,
                sandboxId,
                sandbox.openTerminal(ids.terminal(), request, TERMINAL_PATIENCE)));
  }

  private Terminal handle(Caller caller, String sandboxId, LocalTerminal terminal) {
    String id = terminal.id();
    return new TerminalHandle(terminal, () -> terminal(awake(caller, sandboxId), sandboxId, id));
  }

  @Override
  public List<TerminalView> terminals(Caller caller, String sandboxId) {
    return spaces.present(caller, sandboxId).terminals().views();
  }

  @Override
  public Terminal terminal(Caller caller, String sandboxId, String terminalId) {
    Sandbox sandbox = spaces.present(caller, sandboxId);
    return handle(caller, sandboxId, terminal(sandbox, sandboxId, terminalId));
  }

  private static LocalTerminal terminal(Sandbox sandbox, String sandboxId, String terminalId) {
    return sandbox
        .terminals()
        .find(terminalId)
        .orElseThrow(() ->
            new PodflareException(
                ErrorCode.PTY_NOT_FOUND, "no terminal " + terminalId + " in sandbox " + sandboxId));
  }

  @Override
  public SandboxProcess startProcess(Caller caller, String sandboxId, ProcessRequest request) {
    planner.check(request.exec());
    return onAwake(
        caller,
        sandboxId,
        e -> e.code() == ErrorCode.GONE,
        sandbox ->
            handle(
                caller,
                sandboxId,
                sandbox.startProcess(ids.process(), request, TERMINAL_PATIENCE)));
  }

  private SandboxProcess handle(Caller caller, String sandboxId, LocalExecution process) {
    String id = process.id();
    return new LocalProcess(
        process,
        () -> process(awake(caller, sandboxId), sandboxId, id),
        () -> process(sandboxes.find(caller, sandboxId), sandboxId, id));
  }

  @Override
  public List<ProcessView> processes(Caller caller, String sandboxId) {
    return spaces.present(caller, sandboxId).executions().processViews();
  }

  @Override
  public GuestListing guestProcesses(Caller caller, String sandboxId) {
    return onAwake(
        caller, sandboxId, _ -> true, sandbox -> sandbox.guestProcesses(TERMINAL_PATIENCE));
  }

  @Override
  public SandboxProcess process(Caller caller, String sandboxId, String process) {
    Sandbox sandbox = spaces.present(caller, sandboxId);
    return handle(caller, sandboxId, process(sandbox, sandboxId, process));
  }

  private static LocalExecution process(Sandbox sandbox, String sandboxId, String process) {
    return sandbox
        .executions()
        .findProcess(process)
        .orElseThrow(() ->
            new PodflareException(
                ErrorCode.PROCESS_NOT_FOUND, "no process " + process + " in sandbox " + sandboxId));
  }

  @Override
  public PortFound awaitPort(Caller caller, String sandboxId, PortWish wish)
      throws InterruptedException {
    Sandbox sandbox = awake(caller, sandboxId);
    Optional<LocalExecution> process = wish.process().map(it -> process(sandbox, sandboxId, it));
    return sandbox.awaitPort(wish, process);
  }

  @Override
  public List<ExecutionView> executions(Caller caller, String sandboxId) {
    return spaces.present(caller, sandboxId).executions().views();
  }

  @Override
  public Execution execution(Caller caller, String sandboxId, String executionId) {
    return spaces
        .present(caller, sandboxId)
        .executions()
        .find(executionId)
        .orElseThrow(() ->
            new PodflareException(
                ErrorCode.EXEC_NOT_FOUND,
                "no execution " + executionId + " in sandbox " + sandboxId));
  }

  @Override
  public List<ReplayEvent> replay(Caller caller, String sandboxId) {
    return spaces.present(caller, sandboxId).replay().events();
  }

  /** What was done is done, also if this cannot be told. */
  private Set<String> sharedImages() {
    try {
      return sharing.on() ? store.shapes().images() : Set.of();
    } catch (PodflareException e) {
      LOG.warn("cannot tell which frozen shapes are in the store: {}", e.sentence());
      return Set.of();
    }
  }

  private SavedView view(SavedMachine saved) {
    return views(List.of(saved)).getFirst();
  }

  private List<SavedView> views(List<SavedMachine> all) {
    Set<String> images = all.isEmpty() ? Set.of() : sharedImages();
    return all.stream().map(it -> SavedView.of(it, images.contains(it.image()))).toList();
  }

  @Override
  public SavedView freeze(Caller caller, String sandboxId) {
    return view(spaces.freeze(caller, sandboxId));
  }

  @Override
  public List<SavedView> spaces(Caller caller) {
    return views(spaces.list(caller));
  }

  @Override
  public SavedView space(Caller caller, String spaceId) {
    return view(spaces.find(caller, spaceId));
  }

  @Override
  public CreatedSandbox resumeSpace(Caller caller, String spaceId, ResumeRequest request) {
    return spaces.resume(caller, spaceId, request);
  }

  @Override
  public void deleteSpace(Caller caller, String spaceId) {
    spaces.delete(caller, spaceId);
  }

  @Override
  public SavedView snapshot(Caller caller, String sandboxId, SnapshotRequest request) {
    spaces.present(caller, sandboxId).touch();
    return view(snapshots.take(caller, sandboxId, request));
  }

  @Override
  public List<SavedView> snapshots(Caller caller) {
    return views(snapshots.list(caller));
  }

  @Override
  public CreatedSandbox createFrom(Caller caller, String snapshot, ResumeRequest request) {
    return snapshots.create(caller, snapshot, request);
  }

  @Override
  public SandboxView rollBack(Caller caller, String sandboxId, String snapshot) {
    awake(caller, sandboxId);
    return snapshots.rollBack(caller, sandboxId, snapshot).view();
  }

  @Override
  public SandboxView undo(Caller caller, String sandboxId, int calls) {
    awake(caller, sandboxId);
    return undos.undo(caller, sandboxId, calls).view();
  }

  @Override
  public CleaningReport cleanStore() {
    return cleaning.run();
  }

  @Override
  public void deleteSnapshot(Caller caller, String snapshotId) {
    snapshots.delete(caller, snapshotId);
  }

  @Override
  public VolumeView createVolume(Caller caller, VolumeRequest request) {
    return catalog.create(caller, request);
  }

  @Override
  public List<VolumeView> volumes(Caller caller) {
    return catalog.list(caller);
  }

  @Override
  public VolumeView volume(Caller caller, String idOrName) {
    return catalog.get(caller, idOrName);
  }

  @Override
  public void deleteVolume(Caller caller, String idOrName, boolean force) {
    catalog.delete(caller, idOrName, force);
  }

  @Override
  public CapacityView capacity() {
    return CapacityReport.of(shapes, sandboxes, admission, config);
  }

  @Override
  public EngineInfo info() {
    Optional<BuiltTemplate> template = shapes.ifBuilt(config.defaultTemplate());
    Shape shape = template.map(BuiltTemplate::shape).orElse(SandboxPlanner.USUAL_SHAPE);
    DataSize disk = template.map(BuiltTemplate::diskSize).orElse(SandboxPlanner.USUAL_DISK);
    return new EngineInfo(
        VersionFile.version(),
        hypervisor.accelerator().kind().wireName(),
        hypervisor.accelerator().reason(),
        hypervisor.qemuVersion(),
        config.defaultTemplate(),
        shape.vcpus(),
        config.caps().vcpus(),
        (int) shape.memory().mebibytes(),
        (int) config.caps().memory().mebibytes(),
        (int) (disk.bytes() >> 30),
        (int) (config.caps().disk().bytes() >> 30),
        config.lifetimes().timeout(),
        config.lifetimes().maxTimeout(),
        config.lifetimes().idle(),
        config.lifetimes().maxIdle(),
        config.limits().sandboxes(),
        config.limits().queuedExecutions(),
        config.limits().codeBytes(),
        config.limits().maxFork(),
        config.limits().maxUndo(),
        config.limits().processes());
  }

  /** Addresses that guests have, seen from the host; empty where they have no network. */
  public Optional<Cidr> guestRange() {
    return network.map(GuestNetwork::range);
  }

  /** A look inside, for the benchmark and for tests. */
  public EngineProbe probe() {
    return new EngineProbe(config, hypervisor, shapes, blanks, sandboxes, ids);
  }

  private void machineEnded(Machine machine) {
    Optional<Sandbox> sandbox = sandboxes.ofMachine(machine.id());
    if (sandbox.isPresent()) {
      LOG.info(
          "guest of {} ended: {}; QEMU: {}",
          sandbox.get().record().id(),
          LogText.safe(machine.console()),
          LogText.safe(machine.lastLogLines()));
      spaces.crashed(sandbox.get());
    } else {
      shapes.discard(machine);
    }
  }

  private void keep() {
    int tick = 0;
    while (!closed) {
      try {
        Thread.sleep(TICK);
        boolean jumped = clockJumps.follow();
        boolean woke = AwakeTime.wokeWithin(Timers.AFTER_STANDSTILL);
        if (jumped || woke) {
          sandboxes.setClocks();
          inBackground("writing down moved deadlines", clockJumps::write);
        }
        if (!woke) { // else somebody may have called meanwhile, and it is heard in a moment
          sandboxes.eachDue(clock.instant(), this::over);
        }
        if (++tick % TICKS_A_SECOND == 0) {
          hypervisor.cutLogs();
        }
        if (tick % TICKS_A_HOUSEKEEPING == 0) {
          inBackground("keeping house", this::keepHouse);
        }
        if (tick % TICKS_AN_EXPIRY == 0) {
          inBackground("removing what has expired", spaces::expire);
          // Memory of those that stand still is the first that a host which runs out of it can
          // have.
          inBackground(
              "freeing memory of paused sandboxes", () -> spaces.relieve(admission::memoryIsShort));
        }
        if (tick % TICKS_A_CLEANING == 0) {
          inBackground("forgetting old events", store.events()::purge);
          inBackground("cleaning the checkpoint store", this::clean);
        }
      } catch (InterruptedException e) {
        return;
      } catch (RuntimeException e) {
        LOG.warn("while looking after the sandboxes", e);
      }
    }
  }

  /** Its time is over: what is to outlive that is frozen. */
  private void over(Sandbox sandbox, CloseReason reason) {
    if (sandbox.record().persistent()) {
      spaces.freezeDue(sandbox, reason);
    } else {
      sandboxes.close(sandbox, reason);
    }
  }

  /** What can wait, and must not make lifetimes wait for it; one after another. */
  private void inBackground(String what, Runnable work) {
    housekeeper.execute(() -> {
      try {
        work.run();
      } catch (RuntimeException e) {
        LOG.warn("while {}", what, e);
      }
    });
  }

  private void keepHouse() {
    sandboxes.setClocks();
    sandboxes.refreshFigures();
    shapes.retireOldBuilds();
    sandboxes.writeLate();
    clockJumps.write();
    store.sandboxes().purgeTombstones();
  }

  private void clean() {
    CleaningReport report = cleaning.run();
    LOG.info("checkpoint store cleaned: {}", report);
  }

  /**
   * Ends what no sandbox needs, and leaves the sandboxes to the next daemon, which goes on with
   * them. Idempotent.
   */
  public void leave() {
    if (closed) {
      return;
    }
    closed = true;
    Closing closing = new Closing();
    closing.step(this::stopWork);
    closing.step(sharing::close);
    closing.step(shapes::close);
    closing.step(hypervisor::leave);
    sandboxes.all().forEach(sandbox -> closing.step(sandbox::leave));
    network.ifPresent(it -> closing.step(it::abandon));
    closing.step(volumes::close);
    closing.step(vault.store()::close);
    closing.step(dataLock::close);
    closing.finish();
    LOG.info("{} sandboxes are left to the next daemon", sandboxes.count());
  }

  private void stopWork() {
    admission.close();
    keeper.interrupt();
    timers.close();
    housekeeper.shutdownNow();
  }

  /** Refuses new sandboxes, closes all, and leaves the host as it was. Idempotent. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    stopWork();
    Closing closing = new Closing();
    closing.step(spaces::freezeAll);
    closing.step(() -> sandboxes.closeAll(CloseReason.HOST_SHUTDOWN));
    closing.step(() -> sharing.settle(LAST_SHARING));
    closing.step(sharing::close);
    closing.step(shapes::close);
    closing.step(hypervisor::close);
    network.ifPresent(it -> closing.step(it::close));
    closing.step(volumes::close);
    closing.step(vault.store()::close);
    closing.step(dataLock::close);
    closing.finish();
  }
}
