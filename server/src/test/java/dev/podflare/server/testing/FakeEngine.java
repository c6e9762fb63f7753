package dev.podflare.server.testing;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Caller;
import dev.podflare.engine.CapacityView;
import dev.podflare.engine.CleaningReport;
import dev.podflare.engine.ClonedRepository;
import dev.podflare.engine.Contexts;
import dev.podflare.engine.CreateRequest;
import dev.podflare.engine.CreatedSandbox;
import dev.podflare.engine.DiffRequest;
import dev.podflare.engine.Engine;
import dev.podflare.engine.EngineInfo;
import dev.podflare.engine.ExecEvent;
import dev.podflare.engine.ExecRequest;
import dev.podflare.engine.Execution;
import dev.podflare.engine.ExecutionView;
import dev.podflare.engine.FamilyMember;
import dev.podflare.engine.FileDiff;
import dev.podflare.engine.ForkRequest;
import dev.podflare.engine.ForkedSandboxes;
import dev.podflare.engine.GitCloneRequest;
import dev.podflare.engine.GuestListing;
import dev.podflare.engine.ListRequest;
import dev.podflare.engine.NetworkView;
import dev.podflare.engine.PatchRequest;
import dev.podflare.engine.PortFound;
import dev.podflare.engine.PortWish;
import dev.podflare.engine.ProcessRequest;
import dev.podflare.engine.ProcessView;
import dev.podflare.engine.ReplayEvent;
import dev.podflare.engine.ResumeRequest;
import dev.podflare.engine.SandboxFiles;
import dev.podflare.engine.SandboxPage;
import dev.podflare.engine.SandboxState;
import dev.podflare.engine.SandboxView;
import dev.podflare.engine.SavedView;
import dev.podflare.engine.SecretRequest;
import dev.podflare.engine.SecretView;
import dev.podflare.engine.SnapshotRequest;
import dev.podflare.engine.Terminal;
import dev.podflare.engine.TerminalRequest;
import dev.podflare.engine.TerminalView;
import dev.podflare.engine.VolumeRequest;
import dev.podflare.engine.VolumeView;
import dev.podflare.network.EgressPolicy;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * An engine without machines, for tests of the server alone. Code that starts with {@code #hold}
 * runs until the test ends it; all other code prints itself and exits with 0. Thread-safe.
 */
public final class FakeEngine implements Engine {
  private final Ids ids = Ids.ofNode("0001");
  private final Map<String, SandboxView> sandboxes = new LinkedHashMap<>();
  private final Map<String, String> owners = new LinkedHashMap<>();
  private final Map<String, List<FakeExecution>> executions = new LinkedHashMap<>();
  private final Map<String, Contexts> contexts = new ConcurrentHashMap<>();
  private final Map<String, List<FakeTerminal>> terminals = new ConcurrentHashMap<>();
  private final Map<String, List<FakeProcess>> processes = new ConcurrentHashMap<>();
  private final Map<String, FakeFiles> files = new ConcurrentHashMap<>();
  private final Map<Integer, InetSocketAddress> ports = new ConcurrentHashMap<>();
  private final FakeVolumes volumes = new FakeVolumes();
  private final FakeSecrets secrets = new FakeSecrets();
  private final FakeSaved spaces = new FakeSaved(ErrorCode.SPACE_NOT_FOUND);
  private final FakeSaved snapshots = new FakeSaved(ErrorCode.SNAPSHOT_NOT_FOUND);
  private final AtomicInteger undone = new AtomicInteger();
  private final AtomicInteger creates = new AtomicInteger();
  private volatile Duration createTime = Duration.ZERO;
  private volatile @Nullable Throwable nextFailure;
  private volatile @Nullable CreateRequest lastCreate;
  private volatile @Nullable FakeExecution lastExecution;

  public void createTakes(Duration time) {
    createTime = time;
  }

  /** The next call of create, get or exec throws this. */
  public void failNext(Throwable failure) {
    nextFailure = failure;
  }

  public int creates() {
    return creates.get();
  }

  public CreateRequest lastCreate() {
    CreateRequest last = lastCreate;
    if (last == null) {
      throw new IllegalStateException("nothing was created");
    }
    return last;
  }

  public FakeExecution lastExecution() {
    FakeExecution last = lastExecution;
    if (last == null) {
      throw new IllegalStateException("nothing was run");
    }
    return last;
  }

  @Override
  public VolumeView createVolume(Caller caller, VolumeRequest request) {
    return volumes.create(caller, request);
  }

  @Override
  public List<VolumeView> volumes(Caller caller) {
    return volumes.list(caller);
  }

  @Override
  public VolumeView volume(Caller caller, String idOrName) {
    return volumes.get(caller, idOrName);
  }

  @Override
  public void deleteVolume(Caller caller, String idOrName, boolean force) {
    volumes.delete(caller, idOrName, force);
  }

  @Override
  public CreatedSandbox create(Caller caller, CreateRequest request) {
    fail();
    pause();
    creates.incrementAndGet();
    lastCreate = request;
    Instant now = Instant.now();
    Duration timeout = request.timeout().orElse(Duration.ofMinutes(30));
    SandboxView view =
        new SandboxView(
            ids.sandbox(),
            SandboxState.READY,
            request.template().orElse("default"),
            request.vcpus().orElse(2),
            request.memoryMebibytes().orElse(1024),
            request.diskGibibytes().orElse(4),
            request.persistent(),
            request.autoResume().orElse(request.persistent()),
            undo(request.undo()),
            request.network(),
            volumes.mounts(caller, request.mounts()),
            true,
            request.metadata(),
            Optional.empty(),
            now,
            now.plus(timeout),
            timeout,
            request.idleTimeout().orElse(Duration.ofMinutes(5)),
            now,
            0,
            4096);
    synchronized (sandboxes) {
      sandboxes.put(view.id(), view);
      owners.put(view.id(), caller.keyId());
      executions.put(view.id(), new ArrayList<>());
    }
    return new CreatedSandbox(view, "pool", Map.of("hand_over", 0.5));
  }

  @Override
  public SandboxPage list(Caller caller, ListRequest request) {
    synchronized (sandboxes) {
      return new SandboxPage(
          sandboxes.values().stream()
              .filter(view -> caller.admin() || caller.keyId().equals(owners.get(view.id())))
              .filter(view -> request.template().map(view.template()::equals).orElse(true))
              .filter(view -> request.state().map(view.state()::equals).orElse(true))
              .filter(view -> view.metadata().entrySet().containsAll(request.metadata().entrySet()))
              .limit(request.limit())
              .toList(),
          Optional.empty());
    }
  }

  @Override
  public SandboxView get(Caller caller, String sandboxId) {
    fail();
    synchronized (sandboxes) {
      SandboxView view = sandboxes.get(sandboxId);
      if (view == null || !(caller.admin() || caller.keyId().equals(owners.get(sandboxId)))) {
        throw new PodflareException(
            ErrorCode.SANDBOX_NOT_FOUND,
            "there is no sandbox " + sandboxId,
            Map.of("sandbox_id", sandboxId));
      }
      return view;
    }
  }

  @Override
  public SandboxView patch(Caller caller, String sandboxId, PatchRequest request) {
    SandboxView old = get(caller, sandboxId);
    Duration timeout = request.timeout().orElse(old.timeout());
    SandboxView view =
        new SandboxView(
            old.id(),
            old.state(),
            old.template(),
            old.vcpus(),
            old.memoryMebibytes(),
            old.diskGibibytes(),
            request.persistent().orElse(old.persistent()),
            request.autoResume().orElse(old.autoResume()),
            old.undo(),
            old.network(),
            old.mounts(),
            old.networked(),
            request.metadata().orElse(old.metadata()),
            old.parent(),
            old.createdAt(),
            Instant.now().plus(timeout),
            timeout,
            request.idleTimeout().orElse(old.idleTimeout()),
            old.lastActiveAt(),
            old.ownMemoryBytes(),
            old.diskBytes());
    synchronized (sandboxes) {
      sandboxes.put(sandboxId, view);
    }
    return view;
  }

  @Override
  public void delete(Caller caller, String sandboxId) {
    synchronized (sandboxes) {
      if (caller.keyId().equals(owners.get(sandboxId))) {
        sandboxes.remove(sandboxId);
        executions
            .getOrDefault(sandboxId, List.of())
            .forEach(execution -> execution.exit(137, ExecEvent.Reason.SANDBOX_CLOSED));
      }
    }
  }

  @Override
  public ForkedSandboxes fork(Caller caller, String sandboxId, ForkRequest request) {
    SandboxView parent = get(caller, sandboxId);
    if (request.count() > 32) {
      throw new PodflareException(ErrorCode.INVALID_FIELD, "n must be 1 to 32");
    }
    List<SandboxView> children = new ArrayList<>();
    for (int i = 0; i < request.count(); i++) {
      children.add(child(parent, request));
    }
    synchronized (sandboxes) {
      for (SandboxView child : children) {
        sandboxes.put(child.id(), child);
        owners.put(child.id(), caller.keyId());
        executions.put(child.id(), new ArrayList<>());
      }
    }
    List<String> reseeded = request.reseed() ? List.of("python.random") : List.of();
    return new ForkedSandboxes(children, reseeded, Map.of("total", 1.5), 0.25);
  }

  @Override
  public void merge(Caller caller, String sandboxId, String winnerId, boolean closeSiblings) {
    get(caller, sandboxId);
    if (!get(caller, winnerId).parent().equals(Optional.of(sandboxId))) {
      throw new PodflareException(ErrorCode.INVALID_FIELD, winnerId + " is no fork of it");
    }
    synchronized (sandboxes) {
      sandboxes.remove(winnerId);
      if (closeSiblings) {
        sandboxes.values().removeIf(it -> it.parent().equals(Optional.of(sandboxId)));
      }
    }
  }

  /** Says what it was asked for, as a file that was added. */
  @Override
  public FileDiff diff(Caller caller, String sandboxId, String otherId, DiffRequest request) {
    get(caller, sandboxId);
    get(caller, otherId);
    FileDiff.FileChange change =
        new FileDiff.FileChange(
            String.join(":", request.paths()),
            "file",
            3,
            0644,
            Optional.of("0".repeat(64)),
            request.content() ? Optional.of("+new\n") : Optional.empty());
    return new FileDiff(List.of(change), List.of(), List.of());
  }

  @Override
  public void touch(Caller caller, String sandboxId) {
    get(caller, sandboxId);
  }

  @Override
  public List<FamilyMember> tree(Caller caller, String sandboxId) {
    SandboxView root = get(caller, sandboxId);
    synchronized (sandboxes) {
      return sandboxes.values().stream()
          .filter(it -> it.id().equals(root.id()) || it.parent().equals(Optional.of(sandboxId)))
          .map(it ->
              new FamilyMember(
                  it.id(),
                  it.parent(),
                  it.state(),
                  it.createdAt(),
                  Optional.empty(),
                  Optional.empty(),
                  it.ownMemoryBytes()))
          .toList();
    }
  }

  @Override
  public SandboxView pause(Caller caller, String sandboxId) {
    return put(inState(get(caller, sandboxId), sandboxId, SandboxState.PAUSED));
  }

  @Override
  public SandboxView resume(Caller caller, String sandboxId) {
    return put(inState(get(caller, sandboxId), sandboxId, SandboxState.READY));
  }

  @Override
  public SavedView freeze(Caller caller, String sandboxId) {
    SandboxView sandbox = get(caller, sandboxId);
    put(inState(sandbox, sandboxId, SandboxState.FROZEN));
    return spaces.add(caller, ids, sandbox, Optional.empty());
  }

  @Override
  public List<SavedView> spaces(Caller caller) {
    return spaces.list(caller);
  }

  @Override
  public SavedView space(Caller caller, String spaceId) {
    return spaces.find(caller, spaceId);
  }

  @Override
  public CreatedSandbox resumeSpace(Caller caller, String spaceId, ResumeRequest request) {
    SavedView space = spaces.find(caller, spaceId);
    if (!request.keep()) {
      spaces.remove(caller, spaceId);
    }
    return made(caller, spaces.state(space), request, "restore");
  }

  @Override
  public void deleteSpace(Caller caller, String spaceId) {
    spaces.remove(caller, spaceId);
  }

  @Override
  public SavedView snapshot(Caller caller, String sandboxId, SnapshotRequest request) {
    return snapshots.add(caller, ids, get(caller, sandboxId), Optional.of(request));
  }

  @Override
  public List<SavedView> snapshots(Caller caller) {
    return snapshots.list(caller);
  }

  @Override
  public CreatedSandbox createFrom(Caller caller, String snapshot, ResumeRequest request) {
    return made(caller, snapshots.state(snapshots.find(caller, snapshot)), request, "snapshot");
  }

  @Override
  public SandboxView rollBack(Caller caller, String sandboxId, String snapshot) {
    snapshots.find(caller, snapshot);
    return get(caller, sandboxId);
  }

  /** As if there had been half as many calls as it keeps. */
  private static Optional<SandboxView.Undo> undo(int keep) {
    return keep == 0 ? Optional.empty() : Optional.of(new SandboxView.Undo(keep, keep / 2));
  }

  @Override
  public SandboxView undo(Caller caller, String sandboxId, int calls) {
    SandboxView view = get(caller, sandboxId);
    int available = view.undo().map(SandboxView.Undo::available).orElse(0);
    if (calls > available) {
      throw new PodflareException(
          ErrorCode.NOTHING_TO_UNDO, "too many", Map.of("available", available));
    }
    undone.addAndGet(calls);
    return view;
  }

  /** Calls that were taken back. */
  public int undone() {
    return undone.get();
  }

  @Override
  public CleaningReport cleanStore() {
    return new CleaningReport(1, 2, 3, List.of());
  }

  @Override
  public void deleteSnapshot(Caller caller, String snapshotId) {
    snapshots.remove(caller, snapshotId);
  }

  private CreatedSandbox made(
      Caller caller, SandboxView old, ResumeRequest request, String source) {
    Instant now = Instant.now();
    Duration timeout = request.timeout().orElse(old.timeout());
    SandboxView view =
        put(
            new SandboxView(
                ids.sandbox(),
                SandboxState.READY,
                old.template(),
                old.vcpus(),
                old.memoryMebibytes(),
                old.diskGibibytes(),
                request.persistent().orElse(old.persistent()),
                request.autoResume().orElse(old.autoResume()),
                undo(request.undo().orElse(old.undo().map(SandboxView.Undo::keep).orElse(0))),
                request.network().orElse(old.network()),
                List.of(),
                old.networked(),
                request.metadata().orElse(old.metadata()),
                Optional.empty(),
                now,
                now.plus(timeout),
                timeout,
                request.idleTimeout().orElse(old.idleTimeout()),
                now,
                old.ownMemoryBytes(),
                old.diskBytes()));
    synchronized (sandboxes) {
      owners.put(view.id(), caller.keyId());
      executions.put(view.id(), new ArrayList<>());
    }
    return new CreatedSandbox(view, source, Map.of("total", 1.0));
  }

  private SandboxView put(SandboxView view) {
    synchronized (sandboxes) {
      sandboxes.put(view.id(), view);
    }
    return view;
  }

  private static SandboxView inState(SandboxView old, String id, SandboxState state) {
    return new SandboxView(
        id,
        state,
        old.template(),
        old.vcpus(),
        old.memoryMebibytes(),
        old.diskGibibytes(),
        old.persistent(),
        old.autoResume(),
        old.undo(),
        old.network(),
        old.mounts(),
        old.networked(),
        old.metadata(),
        old.parent(),
        old.createdAt(),
        old.expiresAt(),
        old.timeout(),
        old.idleTimeout(),
        old.lastActiveAt(),
        old.ownMemoryBytes(),
        old.diskBytes());
  }

  @Override
  public List<SecretView> secrets(Caller caller, String sandboxId) {
    return secrets.list(get(caller, sandboxId).id());
  }

  @Override
  public SecretView putSecret(Caller caller, String sandboxId, SecretRequest request) {
    return secrets.put(get(caller, sandboxId).id(), request);
  }

  @Override
  public void deleteSecret(Caller caller, String sandboxId, String name) {
    secrets.delete(get(caller, sandboxId).id(), name);
  }

  @Override
  public ClonedRepository cloneRepository(
      Caller caller, String sandboxId, GitCloneRequest request) {
    return new ClonedRepository(
        get(caller, sandboxId).id() + request.path().orElse("/root/name"),
        "0".repeat(40),
        request.ref());
  }

  @Override
  public NetworkView network(Caller caller, String sandboxId) {
    return new NetworkView(get(caller, sandboxId).network(), true, Optional.empty());
  }

  @Override
  public NetworkView setNetwork(Caller caller, String sandboxId, EgressPolicy policy) {
    SandboxView old = get(caller, sandboxId);
    SandboxView view =
        new SandboxView(
            old.id(),
            old.state(),
            old.template(),
            old.vcpus(),
            old.memoryMebibytes(),
            old.diskGibibytes(),
            old.persistent(),
            old.autoResume(),
            old.undo(),
            policy,
            List.of(),
            old.networked(),
            old.metadata(),
            old.parent(),
            old.createdAt(),
            old.expiresAt(),
            old.timeout(),
            old.idleTimeout(),
            old.lastActiveAt(),
            old.ownMemoryBytes(),
            old.diskBytes());
    synchronized (sandboxes) {
      sandboxes.put(sandboxId, view);
    }
    return network(caller, sandboxId);
  }

  /** Where connections to a guest's port lead: to a server of the test's. */
  public void listen(int port, InetSocketAddress server) {
    ports.put(port, server);
  }

  @Override
  public SandboxFiles files(Caller caller, String sandboxId) {
    get(caller, sandboxId);
    return files.computeIfAbsent(sandboxId, _ -> new FakeFiles());
  }

  @Override
  public SocketChannel connectPort(Caller caller, String sandboxId, int port) {
    get(caller, sandboxId);
    InetSocketAddress server = ports.get(port);
    try {
      if (server != null) {
        return SocketChannel.open(server);
      }
    } catch (IOException refused) {
      // As if it were not there.
    }
    throw new PodflareException(
        ErrorCode.PORT_NOT_LISTENING, "nothing listens on port " + port, Map.of("port", port));
  }

  private SandboxView child(SandboxView parent, ForkRequest request) {
    Instant now = Instant.now();
    Instant expires = request.timeout().map(now::plus).orElse(parent.expiresAt());
    return new SandboxView(
        ids.sandbox(),
        parent.state(),
        parent.template(),
        parent.vcpus(),
        parent.memoryMebibytes(),
        parent.diskGibibytes(),
        parent.persistent(),
        parent.autoResume(),
        parent.undo(),
        parent.network(),
        List.of(),
        parent.networked(),
        request.metadata().orElse(parent.metadata()),
        Optional.of(parent.id()),
        now,
        expires,
        Duration.between(now, expires),
        parent.idleTimeout(),
        now,
        0,
        4096);
  }

  @Override
  public Execution exec(Caller caller, String sandboxId, ExecRequest request) {
    get(caller, sandboxId);
    FakeExecution execution = new FakeExecution(ids.execution(), request);
    if (!request.code().startsWith("#hold")) {
      execution.print(request.code());
      execution.exit(0, ExecEvent.Reason.EXITED);
    }
    synchronized (sandboxes) {
      executions.getOrDefault(sandboxId, new ArrayList<>()).add(execution);
    }
    lastExecution = execution;
    return execution;
  }

  @Override
  public Contexts contexts(Caller caller, String sandboxId) {
    List<FakeExecution> ignored = all(caller, sandboxId); // refuses what is not the caller's
    return contexts.computeIfAbsent(sandboxId, _ -> new FakeContexts(ids));
  }

  @Override
  public Terminal openTerminal(Caller caller, String sandboxId, TerminalRequest request) {
    get(caller, sandboxId);
    FakeTerminal terminal = new FakeTerminal(ids.terminal(), request);
    terminals.computeIfAbsent(sandboxId, _ -> new CopyOnWriteArrayList<>()).add(terminal);
    return terminal;
  }

  @Override
  public List<TerminalView> terminals(Caller caller, String sandboxId) {
    return terminalsOf(caller, sandboxId).stream().map(FakeTerminal::view).toList();
  }

  @Override
  public FakeTerminal terminal(Caller caller, String sandboxId, String terminalId) {
    return terminalsOf(caller, sandboxId).stream()
        .filter(terminal -> terminal.id().equals(terminalId))
        .findFirst()
        .orElseThrow(() ->
            new PodflareException(ErrorCode.PTY_NOT_FOUND, "there is no terminal " + terminalId));
  }

  private List<FakeTerminal> terminalsOf(Caller caller, String sandboxId) {
    get(caller, sandboxId);
    return terminals.getOrDefault(sandboxId, List.of());
  }

  /** The only terminal of the only sandbox that has one. */
  public FakeTerminal onlyTerminal() {
    return terminals.values().iterator().next().getFirst();
  }

  @Override
  public FakeProcess startProcess(Caller caller, String sandboxId, ProcessRequest request) {
    get(caller, sandboxId);
    FakeProcess process = new FakeProcess(ids.process(), request);
    processes.computeIfAbsent(sandboxId, _ -> new CopyOnWriteArrayList<>()).add(process);
    return process;
  }

  /** The newest of the only sandbox that has one. */
  public FakeProcess lastProcess() {
    return processes.values().iterator().next().getLast();
  }

  @Override
  public List<ProcessView> processes(Caller caller, String sandboxId) {
    return processesOf(caller, sandboxId).reversed().stream().map(FakeProcess::view).toList();
  }

  @Override
  public GuestListing guestProcesses(Caller caller, String sandboxId) {
    return new GuestListing(
        List.of(
            new GuestListing.Entry(1, 0, 0, "S", Duration.ZERO, 4096, "init", Optional.empty()),
            new GuestListing.Entry(
                77,
                1,
                0,
                "R",
                Duration.ofMillis(5),
                8192,
                "x",
                processesOf(caller, sandboxId).stream().findFirst().map(FakeProcess::id))),
        false);
  }

  @Override
  public FakeProcess process(Caller caller, String sandboxId, String process) {
    return processesOf(caller, sandboxId).stream()
        .filter(it -> it.id().equals(process) || it.request().name().equals(Optional.of(process)))
        .findFirst()
        .orElseThrow(() ->
            new PodflareException(ErrorCode.PROCESS_NOT_FOUND, "there is no process " + process));
  }

  /** From port 1000 on something listens on all of them. */
  @Override
  public PortFound awaitPort(Caller caller, String sandboxId, PortWish wish) {
    get(caller, sandboxId);
    wish.process().ifPresent(name -> process(caller, sandboxId, name));
    if (wish.port() < 1000) {
      throw new PodflareException(ErrorCode.TIMED_OUT, "nothing listens on " + wish.port());
    }
    return new PortFound(wish.port(), List.of("0.0.0.0"), true);
  }

  private List<FakeProcess> processesOf(Caller caller, String sandboxId) {
    get(caller, sandboxId);
    return processes.getOrDefault(sandboxId, List.of());
  }

  @Override
  public List<ExecutionView> executions(Caller caller, String sandboxId) {
    return all(caller, sandboxId).reversed().stream().map(FakeExecution::view).toList();
  }

  @Override
  public Execution execution(Caller caller, String sandboxId, String executionId) {
    return all(caller, sandboxId).stream()
        .filter(execution -> execution.id().equals(executionId))
        .findFirst()
        .orElseThrow(() ->
            new PodflareException(
                ErrorCode.EXEC_NOT_FOUND, "there is no execution " + executionId));
  }

  @Override
  public List<ReplayEvent> replay(Caller caller, String sandboxId) {
    return all(caller, sandboxId).stream()
        .flatMap(execution ->
            execution.events().stream()
                .map(
                    event -> new ReplayEvent(execution.id(), execution.request().framing(), event)))
        .toList();
  }

  @Override
  public CapacityView capacity() {
    synchronized (sandboxes) {
      return new CapacityView(
          Map.of("default", new CapacityView.Pool(3, 4, 2)),
          sandboxes.size(),
          100,
          1L << 30,
          7L << 30,
          1L << 20,
          1L << 40,
          true);
    }
  }

  @Override
  public EngineInfo info() {
    return new EngineInfo(
        "0.1.0",
        "tcg",
        "no /dev/kvm",
        "7.2.0",
        "default",
        2,
        8,
        1024,
        16_384,
        4,
        64,
        Duration.ofMinutes(30),
        Duration.ofHours(24),
        Duration.ofMinutes(5),
        Duration.ofHours(24),
        100,
        64,
        48L << 20,
        32,
        16,
        64);
  }

  private List<FakeExecution> all(Caller caller, String sandboxId) {
    get(caller, sandboxId);
    synchronized (sandboxes) {
      return List.copyOf(executions.getOrDefault(sandboxId, List.of()));
    }
  }

  private void fail() {
    Throwable failure = nextFailure;
    nextFailure = null;
    switch (failure) {
      case null -> {}
      case Error error -> throw error;
      case RuntimeException exception -> throw exception;
      default -> throw new IllegalStateException(failure);
    }
  }

  private void pause() {
    try {
      Thread.sleep(createTime);
    } catch (InterruptedException stopped) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "stopping", stopped);
    }
  }
}
