package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The executions of one sandbox. Python calls run one at a time in order of arrival, with a limit
 * on how many wait; bash calls run side by side, and so do contexts, in each of which the guest
 * keeps the order. Ended ones are kept for those who ask later. Thread-safe.
 */
final class Executions {
  /** Ended executions that are kept. */
  static final int KEPT = 1000;

  /** Bytes of ended executions' events that are kept; beyond, the oldest keep only their end. */
  static final long KEPT_BYTES = 16L << 20;

  /** Only a call that wrote much can have brought the sum over its limit. */
  private static final long BIG = KEPT_BYTES / KEPT;

  private final int maxQueued;
  private final int maxRunning;
  private final int maxProcesses;
  private final Duration defaultTimeout;
  private final Consumer<LocalExecution> onQueued;
  private final Map<String, LocalExecution> byId = new LinkedHashMap<>();
  private final ArrayDeque<LocalExecution> queue = new ArrayDeque<>();
  private @Nullable LocalExecution python;
  private int live;

  /** Those of the live ones that are processes. */
  private int processes;

  private boolean closed;

  /** {@code onQueued} hears of each call that has to wait, before it does. */
  Executions(
      int maxQueued,
      int maxRunning,
      int maxProcesses,
      Duration defaultTimeout,
      Consumer<LocalExecution> onQueued) {
    this.maxProcesses = maxProcesses;
    this.onQueued = onQueued;
    this.maxQueued = maxQueued;
    this.maxRunning = maxRunning;
    this.defaultTimeout = defaultTimeout;
  }

  /** Starts it, or queues it behind the Python call that is running. */
  void submit(LocalExecution execution) {
    synchronized (this) {
      if (closed) {
        throw new PodflareException(ErrorCode.GONE, "the sandbox is being closed");
      }
      makeSure(execution.isProcess());
      if (execution.request().standsInLine()) {
        if (queue.size() >= maxQueued) {
          throw full(queue.size() + " Python calls are waiting, at most " + maxQueued);
        }
        if (python != null) {
          onQueued.accept(execution);
          remember(execution);
          queue.addLast(execution);
          return;
        }
        python = execution;
      }
      remember(execution);
    }
    start(execution);
  }

  /** Takes in one that runs already, before any other. */
  synchronized void carryOn(LocalExecution execution) {
    if (execution.request().standsInLine()) {
      python = execution;
    }
    remember(execution);
  }

  /** That there is room for one more. Processes have places of their own. */
  private void makeSure(boolean process) {
    int running = process ? processes : live - processes;
    if (process && running >= maxProcesses) {
      throw new PodflareException(
          ErrorCode.TOO_MANY_PROCESSES,
          "this sandbox has " + running + " processes, which is its limit",
          Map.of("max_processes", maxProcesses));
    }
    if (!process && running >= maxRunning) {
      throw full(running + " executions are running or waiting, at most " + maxRunning);
    }
  }

  private static PodflareException full(String figures) {
    return new PodflareException(
        ErrorCode.EXEC_QUEUE_FULL, "this sandbox has too much to do: " + figures);
  }

  private void remember(LocalExecution execution) {
    live++;
    processes += execution.isProcess() ? 1 : 0;
    byId.put(execution.id(), execution);
    var oldest = byId.values().iterator();
    for (int excess = byId.size() - live - KEPT; excess > 0 && oldest.hasNext(); ) {
      LocalExecution old = oldest.next();
      if (old.view().state() == ExecutionView.State.ENDED) {
        old.abandon();
        oldest.remove();
        excess--;
      }
    }
  }

  private void forgetOldEvents() {
    long bytes = byId.values().stream().mapToLong(LocalExecution::retained).sum();
    for (LocalExecution oldest : byId.values()) {
      if (bytes <= KEPT_BYTES) {
        return;
      }
      if (oldest.view().state() == ExecutionView.State.ENDED) {
        bytes -= oldest.retained();
        oldest.forgetEvents();
        bytes += oldest.retained();
      }
    }
  }

  private void start(LocalExecution execution) {
    try {
      execution.start(execution.request().timeout().orElse(defaultTimeout));
    } catch (RuntimeException e) {
      execution.end(1, ExecEvent.Reason.CRASHED);
      if (execution.isProcess()) {
        forget(execution); // there was none
      }
      throw e;
    }
  }

  /** Called once for each execution that ended: the next Python call may run. */
  void ended(LocalExecution execution) {
    LocalExecution next = null;
    synchronized (this) {
      live--;
      processes -= execution.isProcess() ? 1 : 0;
      if (execution.retained() > BIG) {
        forgetOldEvents();
      }
      queue.remove(execution);
      if (python == execution) {
        python = null;
        next = queue.pollFirst();
        python = next;
      }
    }
    if (next != null) {
      LocalExecution following = next;
      // Not on the caller's thread: that is the channel's reader, which must go on reading.
      Thread.ofVirtual().name("start " + next.id()).start(() -> startQuietly(following));
    }
  }

  private void startQuietly(LocalExecution execution) {
    try {
      start(execution);
    } catch (RuntimeException gone) {
      // The execution has ended with the reason; its caller reads it from there.
    }
  }

  /** A call. */
  synchronized Optional<LocalExecution> find(String id) {
    return Optional.ofNullable(byId.get(id)).filter(it -> !it.isProcess());
  }

  /** A process, by its id, or the newest that has that name. */
  synchronized Optional<LocalExecution> findProcess(String idOrName) {
    LocalExecution byItsId = byId.get(idOrName);
    if (byItsId != null) {
      return Optional.of(byItsId).filter(LocalExecution::isProcess);
    }
    return byId.values().stream()
        .filter(it -> it.isCalled(idOrName))
        .reduce((older, newer) -> newer);
  }

  /** As if it never was: it did not start. */
  synchronized void forget(LocalExecution process) {
    if (byId.remove(process.id(), process)) {
      process.abandon();
    }
  }

  /** Keeps what another sandbox's calls said, as if they had been called here; they have ended. */
  void adopt(Executions other) {
    List<LocalExecution> older = other.all();
    synchronized (this) {
      List<LocalExecution> own = List.copyOf(byId.values());
      byId.clear();
      older.forEach(execution -> byId.put(execution.id(), execution));
      own.forEach(execution -> {
        LocalExecution copied = byId.put(execution.id(), execution);
        if (copied != null) {
          copied.abandon(); // a process, which goes on here
        }
      });
      forgetOldEvents();
    }
  }

  private synchronized List<LocalExecution> all() {
    return List.copyOf(byId.values());
  }

  /** Their times stand still until {@link #goOn}. */
  void suspend() {
    all().forEach(LocalExecution::suspend);
  }

  /** Of those that an earlier daemon had: all that their guest had said is heard. */
  void rejoined() {
    all().forEach(LocalExecution::rejoined);
  }

  /** After a {@link #suspend} of so long. */
  void goOn(Duration suspended) {
    all().forEach(execution -> execution.goOn(suspended));
  }

  /** The host's clock has jumped. */
  void clockJumped(Duration jump) {
    all().forEach(execution -> execution.clockJumped(jump));
  }

  /** Newest first. */
  synchronized List<ExecutionView> views() {
    List<ExecutionView> views = new ArrayList<>();
    byId.values().stream()
        .filter(execution -> !execution.isProcess())
        .forEach(execution -> views.add(execution.view()));
    return views.reversed();
  }

  /** Newest first. */
  synchronized List<ProcessView> processViews() {
    return byId.values().stream()
        .flatMap(execution -> execution.processView().stream())
        .toList()
        .reversed();
  }

  /** Processes of which somebody reads what they say. */
  synchronized boolean watched() {
    return processes > 0
        && byId.values().stream().anyMatch(it -> it.isProcess() && it.isWatched() && !it.ended());
  }

  /** Whether a Python call runs. */
  synchronized boolean pythonBusy() {
    return python != null;
  }

  /** Whether nothing runs, or nothing but processes that are not to keep the sandbox awake. */
  synchronized boolean idle() {
    return live == 0
        || (live == processes
            && byId.values().stream().noneMatch(it -> it.keepsAwake() && !it.ended()));
  }

  /** Ends all, as the sandbox closes; nothing is taken any more. */
  void close() {
    endAll();
    all().forEach(LocalExecution::abandon);
  }

  /** As {@link #close}, for a sandbox whose calls another one will {@link #adopt}. */
  void endAll() {
    synchronized (this) {
      closed = true;
      queue.clear();
    }
    all().forEach(LocalExecution::lost);
  }
}
