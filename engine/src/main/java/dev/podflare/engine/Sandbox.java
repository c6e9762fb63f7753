package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.ExecCommand;
import dev.podflare.guest.FileOperation;
import dev.podflare.guest.GuestExec;
import dev.podflare.guest.GuestLanguage;
import dev.podflare.guest.GuestProcesses;
import dev.podflare.network.GuestAccess;
import dev.podflare.network.SecretRule;
import dev.podflare.qemu.Machine;
import dev.podflare.store.SandboxRecord;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A live sandbox: its record, its machine and its executions. READY ⇄ PAUSED until {@link #close},
 * then CLOSED; there is no way back. The record is replaced whole, under the lock. Thread-safe.
 */
final class Sandbox implements LocalExecution.Owner {
  private static final Logger LOG = LoggerFactory.getLogger(Sandbox.class);
  private static final int MAX_LIVE_EXECUTIONS = 128;
  private static final Duration FIGURES_LIFE = Duration.ofSeconds(2);

  private final GuestMachine guest;
  private final EngineConfig config;
  private final Admission.Place place;
  private final EventBudget budget;
  private final Timers timers;
  private final Clock clock;
  private final ReplayRing replay = new ReplayRing();
  private final Executions executions;
  private final Optional<UndoRing> undo;
  private final Terminals terminals;
  private final GuestProcesses processes;
  private final PortWaits portWaits = new PortWaits();
  private final ReentrantLock closing = new ReentrantLock();
  private final ReentrantLock family = new ReentrantLock(true);

  /** Shared by calls while they start; a pause comes between two of them, not into one. */
  private final ReentrantReadWriteLock starting = new ReentrantReadWriteLock(true);

  private final List<SecretRule> passing = new CopyOnWriteArrayList<>();
  private volatile SandboxRecord record;
  private @Nullable SandboxContexts contexts;
  private volatile Instant lastActive;
  private volatile Figures figures = new Figures(0, 0, 0);
  private volatile Instant pausedAt = Instant.EPOCH;
  private volatile SandboxState state = SandboxState.READY;
  private volatile Optional<CloseReason> closedFor = Optional.empty();

  Sandbox(
      SandboxRecord record,
      GuestMachine guest,
      Admission.Place place,
      EngineConfig config,
      EventBudget budget,
      Timers timers,
      Clock clock) {
    this.budget = budget;
    this.record = record;
    this.place = place;
    this.guest = guest;
    this.config = config;
    this.timers = timers;
    this.clock = clock;
    this.lastActive = clock.instant();
    this.executions =
        new Executions(
            config.limits().queuedExecutions(),
            MAX_LIVE_EXECUTIONS,
            config.limits().processes(),
            config.deadlines().execution(),
            guest.calls()::waits);
    this.undo =
        record.undo() == 0
            ? Optional.empty()
            : Optional.of(new UndoRing(config, guest, record.undo()));
    this.processes = new GuestProcesses(guest.channel());
    this.terminals = new Terminals(guest, budget, this::touch, this::whyLost);
  }

  private String whyLost() {
    return closedFor
        .map(reason ->
            reason == CloseReason.MERGED
                ? "the sandbox goes on with another machine (merged, undone or rolled back)"
                : "the sandbox was closed: " + reason.sentence())
        .orElse("the sandbox's guest is not heard any more");
  }

  SandboxRecord record() {
    return record;
  }

  void replaceRecord(SandboxRecord changed) {
    record = changed;
  }

  /** Another id stands for its parent now. */
  synchronized void changeParent(String parent) {
    record = record.withParent(parent);
  }

  GuestMachine guest() {
    return guest;
  }

  /** What its guest may reach now, with secrets that are in no record. */
  GuestAccess access() {
    return RecordedAccess.of(record, List.copyOf(passing));
  }

  /** The same with what another record says; in force when it returns. */
  void applyAccess(SandboxRecord wanted) {
    guest.setNetwork(RecordedAccess.of(wanted, List.copyOf(passing)));
  }

  /** Secrets for a while, until {@link #forget}; they are in no record. */
  synchronized void hold(List<SecretRule> secrets) {
    passing.addAll(secrets);
    try {
      applyAccess(record);
    } catch (RuntimeException e) {
      passing.removeAll(secrets);
      throw e;
    }
  }

  synchronized void forget(List<SecretRule> secrets) {
    passing.removeAll(secrets);
    if (state != SandboxState.CLOSED) {
      try {
        applyAccess(record);
      } catch (PodflareException e) {
        LOG.warn("{}: a secret of a call is not taken back: {}", record.id(), e.sentence());
      }
    }
  }

  /** What its last calls can be taken back with; empty: it was not made to keep that. */
  Optional<UndoRing> undo() {
    return undo;
  }

  Executions executions() {
    return executions;
  }

  /** {@code ids}: names those that are made. */
  synchronized SandboxContexts contexts(Ids ids) {
    if (contexts == null) {
      contexts = new SandboxContexts(this, ids, config.limits().contexts());
    }
    return contexts;
  }

  Terminals terminals() {
    return terminals;
  }

  ReplayRing replay() {
    return replay;
  }

  /** What it holds of the host's promises; released when it is closed. */
  Admission.Place place() {
    return place;
  }

  /** Waits for the fork or merge that is under way; whoever holds the lock may start another. */
  void lockFamily(Duration patience) {
    Locks.take(family, patience, record.id() + " is being forked or merged");
  }

  void unlockFamily() {
    family.unlock();
  }

  /** A call came in or ended: the idle time starts anew. */
  void touch() {
    lastActive = clock.instant();
  }

  /** Why it must close now, if it must. */
  Optional<CloseReason> due(Instant now) {
    if (state != SandboxState.READY) {
      return Optional.empty();
    }
    if (!now.isBefore(record.expiresAt())) {
      return Optional.of(CloseReason.TIMEOUT);
    }
    if (guest.ports().inUse()
        || terminals.watched()
        || guest.channel().busyWithFiles()
        || portWaits.inUse()
        || executions.watched()) {
      touch();
    }
    boolean idle = executions.idle() && !now.isBefore(lastActive.plus(record.idleTimeout()));
    return idle ? Optional.of(CloseReason.IDLE) : Optional.empty();
  }

  LocalExecution execute(String executionId, ExecRequest request) {
    starting.readLock().lock();
    try {
      requireState(SandboxState.READY);
      return executeNow(executionId, request);
    } finally {
      starting.readLock().unlock();
    }
  }

  /** It runs when this returns; if it cannot, there was none. */
  LocalExecution startProcess(String processId, ProcessRequest request, Duration patience) {
    LocalExecution process = execute(processId, request.exec());
    try {
      process.awaitStart(patience);
      return process;
    } catch (RuntimeException e) {
      executions.forget(process);
      throw e;
    }
  }

  /** All that run in the guest. */
  GuestListing guestProcesses(Duration patience) {
    GuestProcesses.Listing listing = processes.list(patience, this::asking);
    Map<Long, String> started = new HashMap<>();
    executions.processViews().stream()
        .filter(it -> it.running() && it.pid() > 0)
        .forEach(it -> started.put((long) it.pid(), it.id()));
    return new GuestListing(
        listing.processes().stream()
            .map(it -> GuestListing.Entry.of(it, Optional.ofNullable(started.get(it.pid()))))
            .toList(),
        listing.truncated());
  }

  /** See {@link SandboxProcesses#awaitPort}. */
  PortFound awaitPort(PortWish wish, Optional<LocalExecution> process) throws InterruptedException {
    PortWaits.Place place =
        new PortWaits.Place() {
          @Override
          public GuestProcesses.PortWait begin(int port) {
            return asking(() -> processes.awaitPort(port));
          }

          @Override
          public String whyLost() {
            return Sandbox.this.whyLost();
          }
        };
    return portWaits.await(place, wish, process);
  }

  private <T> T asking(Supplier<T> question) {
    starting.readLock().lock();
    try {
      requireState(SandboxState.READY);
      touch();
      guest.wake();
      return question.get();
    } finally {
      starting.readLock().unlock();
    }
  }

  /** It is open when this returns. */
  LocalTerminal openTerminal(String terminalId, TerminalRequest request, Duration patience) {
    LocalTerminal terminal =
        LocalTerminal.fresh(terminalId, request, clock.instant(), budget, terminals);
    starting.readLock().lock();
    try {
      requireState(SandboxState.READY);
      touch();
      guest.trustSoon();
      terminals.open(terminal, request, environment(request.env()));
    } finally {
      starting.readLock().unlock();
    }
    try {
      terminal.awaitOpen(patience);
      return terminal;
    } catch (RuntimeException e) {
      terminals.forget(terminal);
      throw e;
    }
  }

  /** Variables of a program: a caller's own come before the sandbox's, and these before ours. */
  Map<String, String> environment(Map<String, String> own) {
    Map<String, String> usual = config.guestEnvironment();
    Map<String, String> env = new HashMap<>(usual);
    if (guest.port().isPresent()) {
      env.putAll(SecretEnvironment.of(record.secrets(), usual));
    }
    env.putAll(record.env());
    env.putAll(own);
    return env;
  }

  private LocalExecution executeNow(String executionId, ExecRequest request) {
    touch();
    if (budget.crowded()) {
      throw new PodflareException(
          ErrorCode.HOST_FULL,
          "this server holds too much output and code that was not fetched yet",
          Map.of("held_bytes", budget.held()));
    }
    LocalExecution execution =
        new LocalExecution(executionId, request, this, clock, budget, replay::add);
    executions.submit(execution);
    return execution;
  }

  /** Begins an operation on its files, which is the caller's to close. */
  FileOperation openFile(Map<String, Object> request) {
    starting.readLock().lock();
    try {
      requireState(SandboxState.READY);
      touch();
      guest.wake();
      return guest.channel().files(request);
    } finally {
      starting.readLock().unlock();
    }
  }

  /** Goes on with the copy of a call that ran when this sandbox was forked or frozen. */
  void carryOn(String executionId, CarriedCall call) {
    if (call.began()) {
      CallOrigin origin = call.origin();
      // A process keeps its id: who knows it from the other sandbox finds it here.
      String id = call.process().isPresent() ? origin.executionId() : executionId;
      LocalExecution copy =
          new LocalExecution(
              id,
              origin.request().carried(call.guest().takesInput()),
              this,
              clock,
              budget,
              replay::add);
      call.process().ifPresent(copy::continues);
      executions.carryOn(copy);
      copy.goOn(call.guest(), origin);
      guest.calls().begins(copy, call.guest());
      call.attach(copy);
    }
  }

  /** Makes the calls that an earlier daemon had, for {@link GuestMachine#goOn}. */
  List<GuestExec> rejoin(CallJournal.Past past) {
    List<GuestExec> running = new ArrayList<>();
    for (JournaledCall call : past.calls()) {
      LocalExecution execution =
          new LocalExecution(
              call.execution(), call.origin().request(), this, clock, budget, replay::add);
      GuestExec exec =
          guest.channel().carry(call.guestId(), call.window(), call.takesInput(), execution);
      executions.carryOn(execution);
      execution.rejoin(exec, call);
      guest.calls().goesOn(execution, exec);
      running.add(exec);
    }
    running.addAll(terminals.rejoin(past.terminals()));
    return running;
  }

  /**
   * The guest is heard again: ends inputs that nobody is left to write, and lets those wait again
   * that waited.
   */
  void rejoined(CallJournal.Past past, List<GuestExec> running) {
    terminals.rejoined();
    for (int i = 0; i < past.calls().size(); i++) {
      if (!past.calls().get(i).keepsInput() && running.get(i).takesInput()) {
        running.get(i).stdinEnd();
      }
    }
    for (CallJournal.Queued call : past.queued()) {
      LocalExecution execution =
          new LocalExecution(call.execution(), call.request(), this, clock, budget, replay::add);
      try {
        executions.submit(execution);
      } catch (PodflareException e) {
        execution.end(1, ExecEvent.Reason.CRASHED); // it alone
      }
    }
  }

  /** Its calls' times go on, after they were rejoined. */
  void timesGoOn() {
    executions.rejoined();
  }

  @Override
  public void ending(LocalExecution execution, ExecEvent.Reason why) {
    guest.calls().ending(execution, why);
  }

  @Override
  public void begins(LocalExecution execution, GuestExec exec) {
    guest.calls().begins(execution, exec);
  }

  @Override
  public GuestExec startInGuest(LocalExecution execution) {
    ExecRequest request = execution.request();
    guest.wake();
    Map<String, String> env = variables(request);
    ExecCommand command =
        request
            .process()
            .map(spec ->
                ExecCommand.program(
                    spec.argv(),
                    request.cwd(),
                    env,
                    request.stdin().isPresent() || request.stdinOpen(),
                    execution.window()))
            .orElseGet(() -> code(request, env, execution.window()));
    guest.trustSoon();
    Supplier<GuestExec> send = () -> guest.channel().exec(command, execution);
    return undo.isPresent() ? undo.get().before(execution.id(), send) : send.get();
  }

  /** Gives its Python what is the sandbox's; false: its agent is too old for that. */
  boolean giveVariables() {
    return guest.giveVariables(environment(Map.of()));
  }

  /** Its Python runs what a call runs, if nobody has called it yet. */
  void rehearse(Duration patience) {
    if (giveVariables()) {
      guest.rehearse(patience);
    }
  }

  /**
   * What goes with a call: a context has its own, and Python is given what is the sandbox's once.
   */
  private Map<String, String> variables(ExecRequest request) {
    if (request.context().isPresent()) {
      return Map.of();
    }
    boolean python =
        request.process().isEmpty() && request.language() == ExecRequest.Language.PYTHON;
    return python && giveVariables() ? request.env() : environment(request.env());
  }

  private static ExecCommand code(ExecRequest request, Map<String, String> env, int window) {
    return new ExecCommand(
        request.language() == ExecRequest.Language.BASH ? GuestLanguage.BASH : GuestLanguage.PYTHON,
        request.code(),
        request.cwd(),
        env,
        request.stdin().isPresent() || request.stdinOpen(),
        request.framing() == ExecRequest.Framing.CHUNKS,
        window,
        request.context());
  }

  @Override
  public Timer after(Duration delay, Runnable task) {
    return timers.after(delay, task);
  }

  @Override
  public void ended(LocalExecution execution) {
    touch();
    executions.ended(execution);
  }

  @Override
  public long mostOutput() {
    return config.limits().outputBytes();
  }

  @Override
  public Duration interruptGrace() {
    return config.deadlines().interruptGrace();
  }

  @Override
  public void requireRunning() {
    requireState(SandboxState.READY);
  }

  @Override
  public Optional<String> refusedSince(Instant since) {
    return guest.port().flatMap(port -> port.firstRefusal(since)).map(RefusalNote::of);
  }

  SandboxState state() {
    return state;
  }

  /** Why it closes or has closed; empty before that. Present once the state says closed. */
  Optional<CloseReason> closedFor() {
    return closedFor;
  }

  /**
   * Runs {@code body} once, for the first who closes, whose reason counts; others wait until it has
   * run. So whoever returns from closing finds everything freed.
   */
  void close(CloseReason reason, Runnable body) {
    closing.lock();
    try {
      if (state != SandboxState.CLOSED) {
        closedFor = Optional.of(reason);
        state = SandboxState.CLOSED;
        try {
          end();
        } finally {
          body.run();
        }
      }
    } finally {
      closing.unlock();
    }
  }

  /**
   * As {@link #close}, but what it held is freed on a thread of its own.
   *
   * @param body runs before this returns
   */
  void closeSoon(CloseReason reason, Runnable body) {
    closing.lock();
    try {
      if (state != SandboxState.CLOSED) {
        closedFor = Optional.of(reason);
        state = SandboxState.CLOSED;
        Thread.ofVirtual().name("end of " + record.id()).start(this::endLater);
        body.run();
      }
    } finally {
      closing.unlock();
    }
  }

  /** Whoever closes it as well waits for that. */
  private void endLater() {
    closing.lock();
    try {
      end();
    } catch (RuntimeException e) {
      LOG.warn("{}: its machine was not ended: {}", record.id(), e.toString());
    } finally {
      closing.unlock();
    }
  }

  private void end() {
    guest.close(); // first: an execution may be waiting for this guest
    executions.close();
    undo.ifPresent(UndoRing::close);
    terminals.close();
  }

  /** Whether that id means this sandbox, now. */
  boolean is(String id) {
    return state != SandboxState.CLOSED && record.id().equals(id);
  }

  /** Refuses what only another state allows. A closed one is refused by whoever looks it up. */
  void requireState(SandboxState wanted) {
    SandboxState now = state;
    if (now != wanted && now != SandboxState.CLOSED) {
      throw WrongState.of(record.id(), now, wanted);
    }
  }

  /**
   * READY → PAUSED: the guest stands still, and so do its calls' times and the sandbox's lifetime.
   * The family is locked by the caller.
   */
  void pause() {
    starting.writeLock().lock();
    try {
      requireState(SandboxState.READY);
      guest.hold();
      executions.suspend();
      pausedAt = clock.instant();
      claimPaused();
      become(SandboxState.PAUSED, record.expiresAt());
    } finally {
      starting.writeLock().unlock();
    }
  }

  /** PAUSED → READY. The family is locked by the caller. */
  void resume() {
    requireState(SandboxState.PAUSED);
    Duration stood = Duration.between(pausedAt, clock.instant());
    guest.calls().stood(stood); // first: if it cannot be written down, nothing has changed
    guest.letGoOn();
    executions.goOn(stood);
    guest.claim(record.id());
    touch();
    become(SandboxState.READY, record.expiresAt().plus(stood));
  }

  /** If it cannot be written down, the guest goes on. */
  private void claimPaused() {
    try {
      guest.claim(record.id(), pausedAt);
    } catch (RuntimeException e) {
      guest.letGoOn();
      executions.goOn(Duration.ZERO);
      throw e;
    }
  }

  /** The host's clock has jumped: all times move with it, so that what is left is what it was. */
  void clockJumped(Duration jump) {
    synchronized (this) {
      record = record.withState(record.state(), record.expiresAt().plus(jump));
    }
    lastActive = lastActive.plus(jump);
    pausedAt = pausedAt.plus(jump); // of no use unless it is paused, or just becoming so
    executions.clockJumped(jump);
    try {
      guest.calls().stood(jump);
    } catch (PodflareException e) {
      LOG.warn("{}: a restart may end calls too early or late: {}", record.id(), e.sentence());
    }
  }

  /** For the next daemon: since when it stands still, by a clock that has jumped. */
  void noteTimes() {
    if (state == SandboxState.PAUSED) {
      guest.claim(record.id(), pausedAt);
    }
  }

  /** Runs it if the sandbox is not closed, and not while it is being closed. */
  void ifOpen(Runnable body) {
    closing.lock();
    try {
      if (state != SandboxState.CLOSED) {
        body.run();
      }
    } finally {
      closing.unlock();
    }
  }

  /** Since when it stands still; of use only while it is PAUSED. */
  Instant pausedAt() {
    return pausedAt;
  }

  /** Stands still since then, as the record says; to be called before anybody knows of it. */
  void staysPaused(Instant since) {
    guest.hold();
    executions.suspend();
    pausedAt = since;
    state = SandboxState.PAUSED;
  }

  private void become(SandboxState next, Instant expiresAt) {
    closing.lock();
    try {
      if (state != SandboxState.CLOSED) {
        synchronized (this) {
          record = record.withState(next.wireName(), expiresAt);
          state = next;
        }
      }
    } finally {
      closing.unlock();
    }
  }

  /**
   * Goes on under the id, deadlines and metadata of {@code parent}, whose own machine and calls
   * end. Calls that run here run on. Both families are locked by the caller.
   *
   * @param commit makes it so for all others; throws if it cannot, and then nothing has changed
   */
  void takeOver(Sandbox parent, Runnable commit) {
    parent.closing.lock();
    closing.lock();
    try {
      synchronized (parent) {
        synchronized (this) {
          commit.run();
          record = parent.record;
          parent.closedFor = Optional.of(CloseReason.MERGED);
          parent.state = SandboxState.CLOSED;
        }
      }
      parent.guest.letGo(); // first: an execution may be waiting for this guest
      parent.executions.endAll();
      parent.terminals.close();
      executions.adopt(parent.executions);
      replay.adopt(parent.replay.events());
      touch();
    } finally {
      closing.unlock();
      parent.closing.unlock();
    }
    // Nobody waits for it: it may take a moment until its processes are gone.
    Thread.ofVirtual().name("end of merged " + record.id()).start(parent::endMachine);
  }

  private void endMachine() {
    guest.close();
    undo.ifPresent(UndoRing::close);
  }

  /** It goes on, and nobody here can speak with it any more. */
  void leave() {
    guest.leave();
    undo.ifPresent(UndoRing::leave);
  }

  SandboxView view() {
    SandboxRecord now = record;
    return new SandboxView(
        now.id(),
        state,
        now.template(),
        now.vcpus(),
        now.memoryMebibytes(),
        now.diskGibibytes(),
        now.persistent(),
        now.autoResume(),
        undo.map(it -> new SandboxView.Undo(it.keep(), it.available())),
        PolicyText.parse(now.network()),
        MountText.parse(now.mounts()),
        guest.port().isPresent(),
        now.metadata(),
        now.parent(),
        now.createdAt(),
        now.expiresAt(),
        now.timeout(),
        now.idleTimeout(),
        lastActive,
        figures.memory(),
        figures.disk());
  }

  /** What its machine takes of the host; looked up anew when the last answer is old. */
  private record Figures(long memory, long disk, long at) {}

  /** With fresh figures: a look at page tables and files, not for long lists. */
  SandboxView viewWithFigures() {
    Figures known = figures;
    if (known.at() == 0 || System.nanoTime() - known.at() > FIGURES_LIFE.toNanos()) {
      figures =
          new Figures(
              ofMachine(Machine::ownMemory), ofMachine(Machine::ownDisk), System.nanoTime());
    }
    return view();
  }

  /** Zero when the machine is ending and cannot be asked any more. */
  private long ofMachine(ToLongFunction<Machine> figure) {
    try {
      return figure.applyAsLong(guest.machine());
    } catch (PodflareException ended) {
      return 0;
    }
  }
}
