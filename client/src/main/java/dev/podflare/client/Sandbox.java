package dev.podflare.client;

import java.net.URI;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * A handle on one sandbox. Closing it deletes the sandbox, unless it was merged into its parent or
 * frozen. Every method may throw {@link ApiException}. Thread-safe: Python calls run one after the
 * other in the guest, bash calls side by side.
 */
public final class Sandbox implements AutoCloseable {
  private static final RunListener NOBODY = new RunListener() {};

  private final HttpCaller http;
  private final ClientConfig config;
  private final String id;
  private final Optional<Created> created;
  private final ExecutionCalls calls;
  private volatile boolean keptAtClose;

  Sandbox(HttpCaller http, ClientConfig config, String id, Optional<Created> created) {
    this.http = http;
    this.config = config;
    this.id = id;
    this.created = created;
    this.calls = new ExecutionCalls(http, config.maxOutputBytes(), path(""));
  }

  public String id() {
    return id;
  }

  /** The answer to the create; empty for a handle made from an id. */
  public Optional<Created> created() {
    return created;
  }

  /** Runs Python to its end. */
  public RunResult runCode(String code) {
    return runCode(code, Language.PYTHON);
  }

  /** Runs code to its end. An exit code that is not 0 is a result, no error. */
  public RunResult runCode(String code, Language language) {
    return run(RunRequest.of(code, language), NOBODY);
  }

  /**
   * Runs code to its end and tells the listener what happens meanwhile. A connection that breaks on
   * the way is made again and goes on where it was; one that breaks before the server took the code
   * is not, since it may have run: code {@code unreachable}. Interrupting the thread interrupts the
   * code.
   */
  public RunResult run(RunRequest request, RunListener listener) {
    return calls.run(request, listener);
  }

  /** Starts code and returns its execution id at once. */
  public String start(RunRequest request) {
    return calls.start(request);
  }

  /** Joins an execution from an event on and stays to its end; output before it is not repeated. */
  public RunResult join(String execId, long fromSequence, RunListener listener) {
    return calls.join(execId, fromSequence, listener);
  }

  /** Executions, newest first. */
  public List<ExecutionInfo> execs() {
    return calls.list();
  }

  public ExecutionInfo execution(String execId) {
    return calls.info(execId);
  }

  /** Interrupts; after 5 seconds the server kills. Returns at once. */
  public void cancel(String execId) {
    calls.cancel(execId);
  }

  /** Writes to the standard input of an execution that was started with an open one. */
  public void input(String execId, byte[] bytes) {
    calls.input(execId, bytes);
  }

  /** End of file on its standard input. */
  public void closeInput(String execId) {
    calls.closeInput(execId);
  }

  /** Runs code to its end and tells its events as the server numbers them, each once. */
  public void stream(RunRequest request, RunEvent.Framing framing, Consumer<RunEvent> listener) {
    calls.stream(request, framing, listener);
  }

  /** Tells the events of an execution from one on, to its end, each once. */
  public void joinStream(String execId, long fromSequence, Consumer<RunEvent> listener) {
    calls.joinStream(execId, fromSequence, listener);
  }

  /** The last 1,000 events of all executions, oldest first. */
  public List<RunEvent> replay() {
    return calls.replay();
  }

  /** Interpreters beside the first one. */
  public Contexts contexts() {
    return new Contexts(http, path("/contexts"));
  }

  /** Opens a terminal and starts a program on it, which runs on whether or not anybody looks. */
  public Terminal openTerminal(TerminalOptions options) {
    TerminalInfo opened = http.post(path("/pty"), options.body(), TerminalInfo.class);
    return terminal(opened.ptyId());
  }

  /** Terminals, oldest first; asks the server. */
  public List<TerminalInfo> terminals() {
    return List.of(http.get(path("/pty"), TerminalInfo[].class));
  }

  /** A handle on a terminal; asks nothing of the server. */
  public Terminal terminal(String terminalId) {
    return new Terminal(http, path(""), terminalId);
  }

  /** Starts a program, which runs on whether or not anybody looks; it runs when this returns. */
  public SandboxProcess startProcess(ProcessOptions options) {
    ProcessInfo started = http.post(path("/processes"), options.body(), ProcessInfo.class);
    return process(started.processId());
  }

  private record Started(List<ProcessInfo> processes) {}

  /** Processes that were started, newest first; asks the server. */
  public List<ProcessInfo> processes() {
    return List.copyOf(http.get(path("/processes"), Started.class).processes());
  }

  /** All that run in the guest; asks the server, and the guest. */
  public GuestProcesses guestProcesses() {
    return http.get(path("/processes?all=true"), GuestProcesses.class);
  }

  /** A handle on a process, by its id or name; asks nothing of the server. */
  public SandboxProcess process(String idOrName) {
    return new SandboxProcess(http, path(""), idOrName);
  }

  /** As {@link #awaitPort(int, Duration, Optional)}, whoever listens. */
  public OpenPort awaitPort(int port, Duration patience) {
    return awaitPort(port, patience, Optional.empty());
  }

  /**
   * Waits until something listens on a TCP port of the guest. Code {@code timed_out}; {@code
   * process_ended} if that process ends before.
   *
   * @param process id or name of the one that is to listen
   */
  public OpenPort awaitPort(int port, Duration patience, Optional<String> process) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("port", port);
    process.ifPresent(it -> body.put("process", it));
    JsonNode open = Waits.untilThere(http, path("/wait_for_port"), body, patience);
    return Json.MAPPER.treeToValue(open, OpenPort.class);
  }

  /** The whole record. */
  public SandboxInfo info() {
    return http.get(path(""), SandboxInfo.class);
  }

  /** The sandbox's files. */
  public SandboxFiles files() {
    return new SandboxFiles(http, path("/files"));
  }

  /** The policy in force, what was moved, and what was refused. */
  public NetworkInfo network() {
    return http.get(path("/network"), NetworkInfo.class);
  }

  /** Replaces the policy; in force when this returns, also for open connections. */
  public NetworkInfo setNetwork(NetworkPolicy policy) {
    return http.put(path("/network"), policy.body(), NetworkInfo.class);
  }

  private record SecretList(List<SecretInfo> secrets) {}

  /** Secrets of the sandbox, by name, without their values. */
  public List<SecretInfo> secrets() {
    return http.get(path("/secrets"), SecretList.class).secrets();
  }

  /** Adds a secret, or changes the one of that name, from the next request on. */
  public SecretInfo putSecret(SecretOptions secret) {
    return http.put(
        path("/secrets/" + Wire.encode(secret.name())), secret.body(), SecretInfo.class);
  }

  /** Takes a secret away; no request gets it any more when this returns. */
  public void deleteSecret(String name) {
    http.call("DELETE", path("/secrets/" + Wire.encode(name)));
  }

  /** Clones a repository into the sandbox; its credential stays outside. */
  public ClonedRepository gitClone(GitCloneOptions options) {
    return http.post(path("/git/clone"), options.body(), ClonedRepository.class);
  }

  public SandboxInfo patch(SandboxPatch patch) {
    return http.patch(path(""), patch.body(), SandboxInfo.class);
  }

  /** Forks the running sandbox; it runs on. All children or none. */
  public List<Sandbox> fork(int count) {
    return fork(ForkOptions.of(count)).children();
  }

  /** Forks the running sandbox; it runs on. All children or none. */
  public Forked fork(ForkOptions options) {
    return http.create(path("/fork"), options.body(), ForkAnswer.class).forked(this::other);
  }

  /**
   * Forks this sandbox and runs code in every child, side by side; the listener hears all of them.
   * With a pick the winner's state becomes this sandbox's and the other children are closed; else
   * all live on.
   */
  public FannedOut fanOut(FanOutOptions options, FanOutListener listener) {
    FanOutReader reader = new FanOutReader(listener, config.maxOutputBytes(), this::other);
    return calls.fanOut(options, reader);
  }

  /**
   * Takes the winner's state: this id goes on as the winner's machine, the winner's id is gone, and
   * closing the winner's handle does nothing. The winner must be a fork of this sandbox.
   */
  public void mergeInto(Sandbox winner) {
    mergeInto(winner, false);
  }

  /** As {@link #mergeInto(Sandbox)}; may also end this sandbox's other children. */
  public void mergeInto(Sandbox winner, boolean closeSiblings) {
    String query = closeSiblings ? "?siblings=close" : "";
    http.postForNothing(path("/merge_into/" + Wire.encode(winner.id) + query), Map.of());
    winner.keptAtClose = true;
  }

  /**
   * What the other sandbox's files have that this one's have not.
   *
   * @param paths absolute; none: {@code /root} and {@code /tmp}
   * @param content also patches of text files
   */
  public FileDiff diff(Sandbox other, List<String> paths, boolean content) {
    StringBuilder query = new StringBuilder("?content=").append(content);
    paths.forEach(path -> query.append("&path=").append(Wire.encode(path)));
    return http.get(path("/diff/" + Wire.encode(other.id) + query), FileDiff.class);
  }

  private record Family(List<FamilyMember> sandboxes) {}

  /** Ancestors, oldest first, then this sandbox, then all that were forked from it. */
  public List<FamilyMember> tree() {
    return List.copyOf(http.get(path("/tree"), Family.class).sandboxes());
  }

  /**
   * Where a port of the guest is reached over HTTP and WebSocket, with the API key in {@code
   * Authorization}; asks nothing of the server. Ends with a slash.
   */
  public URI portUrl(int port) {
    return config.resolve(path("/ports/" + port + "/"));
  }

  /** A link to a port for those without a key, for 1 s to 7 days. */
  public PortLink portLink(int port, Duration validity) {
    return http.postAgain(
        path("/ports/" + port + "/link"),
        Map.of("expires_in_seconds", Wire.seconds(validity)),
        PortLink.class);
  }

  /**
   * Lets a port of this machine lead to one of the guest, for any protocol over TCP.
   *
   * @param localPort of 127.0.0.1; 0 picks a free one
   * @param failures is told why a connection could not be carried
   */
  public PortForward forward(int port, int localPort, Consumer<ApiException> failures) {
    return PortForward.start(http, path("/tunnel/" + port), localPort, failures);
  }

  /**
   * Lets the sandbox stand still in the host's memory; its lifetime stands still too, and its calls
   * go on when it is resumed. Repeating it is no error.
   */
  public SandboxInfo pause() {
    return http.postAgain(path("/pause"), Map.of(), SandboxInfo.class);
  }

  /** Lets a paused or frozen sandbox go on under its id; closing this handle deletes it again. */
  public SandboxInfo resume() {
    SandboxInfo resumed = http.postAgain(path("/resume"), Map.of(), SandboxInfo.class);
    keptAtClose = false;
    return resumed;
  }

  /**
   * Freezes the sandbox into a Space and ends its machine; the id stays, and closing this handle
   * leaves it. Repeating it is no error. Codes {@code store_unavailable} and {@code store_full}: it
   * goes on as it was.
   */
  public SpaceInfo freeze() {
    SpaceInfo space = http.postAgain(path("/freeze"), Map.of(), SpaceInfo.class);
    keptAtClose = true;
    return space;
  }

  /** Takes a snapshot without a name; the sandbox goes on. */
  public SnapshotInfo snapshot() {
    return snapshot(SnapshotOptions.UNNAMED);
  }

  /** Takes a snapshot; the sandbox goes on. Code {@code snapshot_exists} if the name is taken. */
  public SnapshotInfo snapshot(SnapshotOptions options) {
    return http.create(path("/snapshots"), options.body(), SnapshotInfo.class);
  }

  /**
   * Takes the sandbox back to a snapshot: memory, disk and processes are those of then. It keeps
   * id, deadlines, metadata and network policy; its running calls end.
   *
   * @param snapshot id, or the name that the owner gave it
   */
  public SandboxInfo rollback(String snapshot) {
    return http.post(path("/rollback"), Map.of("snapshot", snapshot), SandboxInfo.class);
  }

  /** As {@link #undo(int)}: its last call. */
  public SandboxInfo undo() {
    return undo(1);
  }

  /**
   * Takes the sandbox back to before its last {@code calls}: memory, disk and processes are those
   * of then. It keeps id, deadlines, metadata and network policy; its running calls end. Code
   * {@code nothing_to_undo}, with the number in the details, if it cannot go back so far.
   */
  public SandboxInfo undo(int calls) {
    return http.create(path("/undo"), Map.of("n", calls), SandboxInfo.class);
  }

  /** Deletes the sandbox, with its Space if it is frozen. Repeating it is no error. */
  public void delete() {
    http.call("DELETE", path(""));
  }

  /** Deletes the sandbox, unless it was merged or frozen. */
  @Override
  public void close() {
    if (!keptAtClose) {
      delete();
    }
  }

  private String path(String rest) {
    return "/v1/sandboxes/" + Wire.encode(id) + rest;
  }

  private Sandbox other(String otherId) {
    return new Sandbox(http, config, otherId, Optional.empty());
  }
}
