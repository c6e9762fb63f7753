package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.ExecEvent.Reason;
import dev.podflare.engine.ExecutionView.State;
import dev.podflare.guest.DoneReason;
import dev.podflare.guest.ExecListener;
import dev.podflare.guest.GuestExec;
import dev.podflare.guest.GuestExec.Reach;
import dev.podflare.guest.GuestSignal;
import dev.podflare.guest.GuestStream;
import dev.podflare.guest.GuestValue;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One call of code: QUEUED → RUNNING → ENDED, or QUEUED → ENDED. It turns what the guest reports
 * into events of the asked framing and gives the guest credit as they are read. Thread-safe.
 */
final class LocalExecution implements Execution, ExecListener {
  /** A buffer that grows has up to twice its bytes. */
  private static final long VALUE_COST = 2;

  /** Bytes after which a value that is still not whole is given up for the next daemon. */
  private static final long VALUE_PATIENCE = 16 << 20;

  private static final Logger LOG = LoggerFactory.getLogger(LocalExecution.class);
  private static final int SIGTERM = 15;
  private static final int SIGKILL = 9;
  private static final int KILLED = 137;
  private static final int TIMED_OUT = 124;
  private static final int INTERRUPTED = 130;

  /** What an execution needs of its sandbox. */
  interface Owner {
    /** Starts it in the guest; called once. */
    GuestExec startInGuest(LocalExecution execution);

    /** It is about to be sent to the guest. */
    void begins(LocalExecution execution, GuestExec exec);

    /** Somebody wants its end. */
    void ending(LocalExecution execution, Reason why);

    /** Runs a task after a delay, unless the timer is stopped or the engine closed before. */
    Timer after(Duration delay, Runnable task);

    void ended(LocalExecution execution);

    Duration interruptGrace();

    /** Bytes of output and values after which it is ended. */
    long mostOutput();

    /** Refuses what cannot be done while the guest stands still. */
    void requireRunning();

    /** What the network refused to the guest first since then, in a line; empty: nothing. */
    Optional<String> refusedSince(Instant since);
  }

  private final String id;
  private final EventBudget budget;
  private final int window;
  private final Owner owner;
  private final Clock clock;
  private final Consumer<ReplayEvent> replay;
  private final Instant createdAt;
  private final ExecLog log;
  private final Framer.Pair framers;
  private final Optional<ProcessPart> process;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile ExecRequest request;
  private State state = State.QUEUED;
  private @Nullable GuestExec guest;
  private @Nullable Instant startedAt;
  private Instant deadline = Instant.MAX;
  private @Nullable Instant endedAt;
  private @Nullable Reason wantedEnd;
  private ExecEvent.@Nullable Exit exit;
  private @Nullable Timer timeout;
  private boolean stdinOpen;
  private long sequence;
  private int heldValue;
  private long heldFrom;
  private long received;

  /** Whether it said more than it may. */
  private boolean tooMuch;

  private long credited;

  LocalExecution(
      String id,
      ExecRequest request,
      Owner owner,
      Clock clock,
      EventBudget budget,
      Consumer<ReplayEvent> replay) {
    this.id = id;
    this.request = request;
    this.budget = budget;
    this.window = window(request.framing());
    this.process = request.process().map(spec -> new ProcessPart(spec.command()));
    this.log = new ExecLog(this::giveCredit, budget, process.isPresent());
    budget.add(request.weight());
    this.owner = owner;
    this.clock = clock;
    this.replay = replay;
    this.createdAt = clock.instant();
    this.framers = Framer.Pair.of(request.framing(), budget);
    this.stdinOpen = request.stdinOpen();
    if (request.background()) {
      log.releaseReservation();
    }
  }

  @Override
  public String id() {
    return id;
  }

  ExecRequest request() {
    return request;
  }

  /** Bytes of events that are kept for late readers. */
  long retained() {
    return log.retained();
  }

  /** The sandbox is closed: its events do not count any more. */
  void abandon() {
    log.abandon();
  }

  /** Lets go of all events of an ended execution but the last. */
  void forgetEvents() {
    log.forget();
  }

  /**
   * Bytes that the guest may be ahead of what was read. Small where each line becomes an event: a
   * flood of newlines takes a hundred times its bytes.
   */
  private static int window(ExecRequest.Framing framing) {
    return switch (framing) {
      case LINES -> 64 << 10;
      case CHUNKS -> 256 << 10;
    };
  }

  /** Bytes of output that the guest may send beyond what was acknowledged. */
  int window() {
    return window;
  }

  /**
   * QUEUED → RUNNING; does nothing if it was cancelled meanwhile. Talks to the guest without the
   * lock: a guest that does not read must not stop those who look at this execution or end it.
   */
  void start(Duration limit) {
    Instant end;
    lock.lock();
    try {
      if (state != State.QUEUED) {
        return;
      }
      state = State.RUNNING;
      startedAt = clock.instant();
      deadline = startedAt.plus(limit);
      end = deadline;
      emitStart();
    } finally {
      lock.unlock();
    }
    GuestExec started = owner.startInGuest(this);
    Optional<String> input = request.stdin();
    boolean keepOpen = request.stdinOpen();
    letGoOfCode();
    begun(started, end);
    if (input.isPresent()) {
      Thread.ofVirtual()
          .name("stdin " + id)
          .start(() -> feed(started, input.get().getBytes(StandardCharsets.UTF_8), keepOpen));
    }
  }

  boolean isProcess() {
    return process.isPresent();
  }

  boolean isCalled(String name) {
    return request.process().flatMap(ProcessSpec::name).filter(name::equals).isPresent();
  }

  boolean keepsAwake() {
    return request.process().map(ProcessSpec::keepsAwake).orElse(true);
  }

  /** Whether somebody reads what it says. */
  boolean isWatched() {
    return log.watched();
  }

  /** Of a process. */
  CompletableFuture<ExecEvent.Exit> exit() {
    return process.orElseThrow().end();
  }

  /** Of a process: waits until it runs. {@code INVALID_FIELD} if it cannot start. */
  void awaitStart(Duration patience) {
    try {
      process.orElseThrow().awaitStart(patience);
    } catch (PodflareException e) {
      if (!ended()) {
        interrupt(Reason.CANCELLED); // it may start yet
      }
      throw e;
    }
  }

  /** Empty if it is no process. */
  Optional<ProcessView> processView() {
    lock.lock();
    try {
      ExecLog.Range kept = log.range();
      return process.map(part -> processView(part, request.process().orElseThrow(), kept));
    } finally {
      lock.unlock();
    }
  }

  private ProcessView processView(ProcessPart part, ProcessSpec spec, ExecLog.Range kept) {
    return new ProcessView(
        id,
        part.pid(),
        spec.name(),
        spec.command(),
        state != State.ENDED,
        (startedAt == null ? createdAt : startedAt).truncatedTo(ChronoUnit.MILLIS), // as it is kept
        Optional.ofNullable(endedAt),
        exit == null ? OptionalInt.empty() : OptionalInt.of(exit.code()),
        Optional.ofNullable(exit).map(ExecEvent.Exit::reason),
        stdinOpen && state != State.ENDED,
        spec.keepsAwake(),
        kept.first(),
        kept.next());
  }

  /** As it is now, on the thread that hears the guest or while that hears nothing. */
  Optional<ProcessState> processState(int maxRecent) {
    lock.lock();
    try {
      List<ProcessState.Said> recent =
          log.recent(maxRecent).stream()
              .map(it -> new ProcessState.Said(it.epochMillis(), it.stream(), it.bytes()))
              .toList();
      return process.map(part -> {
        ProcessSpec spec = request.process().orElseThrow();
        return new ProcessState(
            spec.command(),
            spec.name().orElse(null),
            spec.keepsAwake(),
            part.pid(),
            sequence,
            framers.stdout().held(),
            framers.stderr().held(),
            recent);
      });
    } finally {
      lock.unlock();
    }
  }

  /** Its log goes on where that of the process was of which it is a copy; before all else. */
  void continues(ProcessState before) {
    lock.lock();
    try {
      sequence = before.next();
      long first = before.next() - before.recent().size();
      if (first == 1) {
        log.append(new ExecEvent.Started(0, clock.millis(), id));
      } else {
        log.beginAt(first);
      }
      for (int i = 0; i < before.recent().size(); i++) {
        ProcessState.Said said = before.recent().get(i);
        log.append(new ExecEvent.Output(first + i, said.ts(), said.stream(), said.bytes()));
      }
      emitAll(ExecEvent.Stream.STDOUT, framers.stdout().add(before.stdout()));
      emitAll(ExecEvent.Stream.STDERR, framers.stderr().add(before.stderr()));
      if (before.pid() > 0) {
        process.ifPresent(part -> part.started(before.pid()));
      }
    } finally {
      lock.unlock();
    }
  }

  /** Of a process: {@code PROCESS_ENDED} if it has ended. */
  void signal(int number, boolean group) {
    owner.requireRunning();
    GuestExec running;
    lock.lock();
    try {
      running = guest;
      if (exit != null) {
        throw LocalProcess.ended(id, exit);
      }
    } finally {
      lock.unlock();
    }
    if (running != null) {
      running.signal(number, group ? Reach.GROUP : Reach.ONE);
    }
  }

  @Override
  public void started(int pid) {
    process.ifPresent(part -> part.started(pid));
  }

  private void letGoOfCode() {
    lock.lock();
    try {
      budget.add(-request.weight());
      request = request.sent();
    } finally {
      lock.unlock();
    }
  }

  /**
   * QUEUED → RUNNING, for one that an earlier daemon had: its events go on where the journal says.
   * Its time stands still until {@link #rejoined}.
   */
  void rejoin(GuestExec exec, JournaledCall place) {
    CallOrigin origin = place.origin();
    lock.lock();
    try {
      ProcessState before = place.process();
      if (before == null) {
        sequence = place.sequence();
        log.beginAt(sequence);
        // What is not a whole payload gives no event.
        framers.stdout().add(place.stdout());
        framers.stderr().add(place.stderr());
      } else {
        continues(before);
      }
      state = State.RUNNING;
      startedAt = origin.startedAt();
      deadline = origin.deadline();
      wantedEnd = origin.wantedEnd().orElse(null);
      if (sequence == 0) {
        emitStart();
      }
      guest = exec;
    } finally {
      lock.unlock();
    }
  }

  /** All that its guest had said is heard: if it has not ended, its time goes on. */
  void rejoined() {
    Reason wanted;
    GuestExec running;
    lock.lock();
    try {
      wanted = wantedEnd;
      running = guest;
    } finally {
      lock.unlock();
    }
    if (wanted == null) {
      goOn(Duration.ZERO);
    } else if (running != null) {
      interrupt(running);
    }
  }

  @Override
  public void begins(GuestExec exec) {
    owner.begins(this, exec);
  }

  /** For the journal, as it is sent to the guest. */
  JournaledCall journaled(GuestExec exec) {
    lock.lock();
    try {
      return journaled(exec, 0, new byte[0], new byte[0], 0);
    } finally {
      lock.unlock();
    }
  }

  /**
   * For the journal, as it is now; empty if more than so many bytes of it are in no event yet.
   *
   * @param recent bytes of a process's last output that go along
   */
  Optional<JournaledCall> journaled(int mostHeld, int recent) {
    lock.lock();
    try {
      GuestExec exec = guest;
      if (exec == null
          || (heldValue > 0 && received - heldFrom < VALUE_PATIENCE) // is to be heard as a whole
          || framers.stdout().heldSize() + framers.stderr().heldSize() > mostHeld) {
        return Optional.empty();
      }
      return Optional.of(
          journaled(exec, sequence, framers.stdout().held(), framers.stderr().held(), recent));
    } finally {
      lock.unlock();
    }
  }

  private JournaledCall journaled(
      GuestExec exec, long next, byte[] stdout, byte[] stderr, int recent) {
    return new JournaledCall(
        id,
        exec.id(),
        exec.window(),
        exec.takesInput(),
        request.stdinOpen(),
        request.language(),
        request.framing(),
        (startedAt == null ? createdAt : startedAt).toEpochMilli(),
        deadline.toEpochMilli(),
        next,
        stdout,
        stderr,
        wantedEnd,
        request.context().orElse(null),
        processState(recent).map(it -> next == 0 ? it.unheard() : it).orElse(null));
  }

  boolean ended() {
    lock.lock();
    try {
      return state == State.ENDED;
    } finally {
      lock.unlock();
    }
  }

  private void emitStart() {
    if (request.framing() == ExecRequest.Framing.CHUNKS) {
      emit(new ExecEvent.Started(sequence++, clock.millis(), id));
    }
  }

  /**
   * QUEUED → RUNNING, for the copy of an execution in a fork: it is heard from the fork on, has
   * what was left of its time, and is ended if the other was to be ended.
   */
  void goOn(GuestExec copy, CallOrigin origin) {
    lock.lock();
    try {
      state = State.RUNNING;
      startedAt = origin.startedAt();
      deadline = origin.deadline();
      wantedEnd = origin.wantedEnd().orElse(null);
      if (sequence == 0) {
        emitStart();
      }
    } finally {
      lock.unlock();
    }
    begun(copy, origin.deadline());
  }

  /** For a copy of it, which goes on as this one is now. */
  CallOrigin origin() {
    lock.lock();
    try {
      return new CallOrigin(
          id,
          request,
          startedAt == null ? createdAt : startedAt,
          deadline,
          Optional.ofNullable(wantedEnd));
    } finally {
      lock.unlock();
    }
  }

  private void begun(GuestExec started, Instant end) {
    Reason wanted;
    lock.lock();
    try {
      guest = started;
      wanted = wantedEnd;
      if (state != State.ENDED) {
        Duration left = Duration.between(clock.instant(), end);
        timeout = owner.after(left, () -> interrupt(Reason.TIMEOUT));
      }
    } finally {
      lock.unlock();
    }
    giveCredit(); // for what came meanwhile
    if (wanted != null) {
      interrupt(started);
    }
  }

  /** Its time stands still, as its guest does, until {@link #goOn}. */
  void suspend() {
    lock.lock();
    try {
      if (timeout != null) {
        timeout.stop();
      }
    } finally {
      lock.unlock();
    }
  }

  /** After a {@link #suspend} of so long. */
  void goOn(Duration suspended) {
    lock.lock();
    try {
      if (state == State.RUNNING && guest != null) {
        deadline = deadline.plus(suspended);
        Duration left = Duration.between(clock.instant(), deadline);
        timeout = owner.after(left, () -> interrupt(Reason.TIMEOUT));
      }
    } finally {
      lock.unlock();
    }
  }

  /** The host's clock has jumped: how long it has run, and may run, is what it was. */
  void clockJumped(Duration jump) {
    lock.lock();
    try {
      if (state == State.RUNNING && startedAt != null) {
        startedAt = startedAt.plus(jump);
        deadline = deadline.plus(jump);
      }
    } finally {
      lock.unlock();
    }
  }

  /** A program need not read all of its input; it then ends, or waits for nothing. */
  private void feed(GuestExec started, byte[] input, boolean keepOpen) {
    try {
      started.stdin(input);
      if (!keepOpen) {
        started.stdinEnd();
      }
    } catch (PodflareException notRead) {
      LOG.debug("{}: {}", id, notRead.sentence());
    }
  }

  @Override
  public void output(GuestStream stream, byte[] bytes) {
    lock.lock();
    try {
      if (state == State.ENDED) {
        return;
      }
      byte[] allowed = within(bytes);
      ExecEvent.Stream name =
          stream == GuestStream.STDOUT ? ExecEvent.Stream.STDOUT : ExecEvent.Stream.STDERR;
      emitAll(name, framers.of(name).add(allowed));
    } finally {
      lock.unlock();
    }
    giveCredit();
  }

  @Override
  public void value(GuestValue value) {
    lock.lock();
    try {
      if (state != State.ENDED && request.framing() == ExecRequest.Framing.CHUNKS) {
        ExecEvent.Shown shown = ExecEvent.Shown.valueOf(value.kind().name());
        emit(
            new ExecEvent.Result(
                sequence++, clock.millis(), shown, value.data(), value.displayId()));
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean holdsValue(int bytes) {
    lock.lock();
    try {
      int now = state == State.ENDED ? 0 : bytes;
      budget.add(VALUE_COST * (now - heldValue));
      if (heldValue == 0) {
        heldFrom = received;
      }
      heldValue = now;
      return now == 0 || !budget.crowded();
    } finally {
      lock.unlock();
    }
  }

  /** Counts it, and cuts off what is too much. */
  private byte[] within(byte[] bytes) {
    long room = Math.max(0, mostOutput() - received);
    count(bytes.length);
    return bytes.length <= room ? bytes : Arrays.copyOf(bytes, (int) room);
  }

  /** A process runs on for days, and only the end of its output is kept. */
  private long mostOutput() {
    return isProcess() ? Long.MAX_VALUE : owner.mostOutput();
  }

  private void count(int bytes) {
    received += bytes;
    if (received > mostOutput() && !tooMuch) {
      tooMuch = true;
      owner.after(Duration.ZERO, () -> interrupt(Reason.OUTPUT_LIMIT));
    }
  }

  @Override
  public void valueBytes(int bytes) {
    lock.lock();
    try {
      count(bytes);
    } finally {
      lock.unlock();
    }
    giveCredit();
  }

  @Override
  public void done(int code, DoneReason reason, Optional<String> message) {
    Reason wanted = wantedEnd == null && tooMuch ? Reason.OUTPUT_LIMIT : wantedEnd;
    if (isProcess()) {
      // The code is the program's own, whoever wanted the end.
      end(code, wanted != null ? wanted : ofProcess(reason));
      process.filter(it -> !it.hasStarted()).ifPresent(it -> it.failed(message.orElse("it ended")));
      return;
    }
    if (wanted != null) {
      end(wanted == Reason.TIMEOUT ? TIMED_OUT : INTERRUPTED, wanted);
      return;
    }
    switch (reason) {
      case EXITED -> end(code, Reason.EXITED);
      case CRASHED -> end(code, Reason.CRASHED);
      case OUT_OF_MEMORY -> end(code, Reason.OUT_OF_MEMORY);
      case KILLED ->
          end(
              code,
              request.language() == ExecRequest.Language.BASH ? Reason.EXITED : Reason.CRASHED);
    }
  }

  private static Reason ofProcess(DoneReason reason) {
    return switch (reason) {
      case EXITED, KILLED -> Reason.EXITED;
      case CRASHED -> Reason.CRASHED;
      case OUT_OF_MEMORY -> Reason.OUT_OF_MEMORY;
    };
  }

  /** The channel to the guest is gone, and the sandbox with it. */
  @Override
  public void lost() {
    process.ifPresent(ProcessPart::lost);
    end(KILLED, Reason.SANDBOX_CLOSED);
  }

  /** Ends it, whatever it does: with the event that tells why, once. */
  void end(int code, Reason reason) {
    ExecEvent.Exit last;
    lock.lock();
    try {
      if (state == State.ENDED) {
        return;
      }
      emitAll(ExecEvent.Stream.STDOUT, framers.stdout().end());
      emitAll(ExecEvent.Stream.STDERR, framers.stderr().end());
      noteRefusal();
      state = State.ENDED;
      budget.add(-VALUE_COST * heldValue);
      heldValue = 0;
      endedAt = clock.instant();
      last = new ExecEvent.Exit(sequence++, clock.millis(), code, reason);
      exit = last;
      emit(last);
      if (timeout != null) {
        timeout.stop();
      }
    } finally {
      lock.unlock();
    }
    letGoOfCode();
    owner.ended(this);
    process.ifPresent(part -> part.ended(last));
  }

  /** Programs often say no more than that something failed; where exact text is not promised. */
  private void noteRefusal() {
    Instant since = startedAt;
    if (since != null && request.framing() == ExecRequest.Framing.CHUNKS && !isProcess()) {
      owner
          .refusedSince(since)
          .ifPresent(note ->
              emitAll(ExecEvent.Stream.STDERR, List.of(note.getBytes(StandardCharsets.UTF_8))));
    }
  }

  private void emitAll(ExecEvent.Stream stream, Iterable<byte[]> payloads) {
    for (byte[] payload : payloads) {
      emit(new ExecEvent.Output(sequence++, clock.millis(), stream, payload));
    }
  }

  private void emit(ExecEvent event) {
    log.append(event);
    if (isProcess()) {
      return; // what runs for long would push out what calls said
    }
    replay.accept(new ReplayEvent(id, request.framing(), event));
  }

  private void giveCredit() {
    GuestExec running;
    int credit;
    lock.lock();
    try {
      long unread = log.unread();
      long taken = received - Math.min(window, unread);
      credit = (int) Math.min(Integer.MAX_VALUE, taken - credited);
      running = guest;
      boolean heldBack = unread > 0 && budget.crowded();
      if (running == null || state == State.ENDED || credit < window / 4 || heldBack) {
        return;
      }
      credited += credit;
    } finally {
      lock.unlock();
    }
    running.acknowledge(credit);
  }

  @Override
  public ExecutionView view() {
    lock.lock();
    try {
      return new ExecutionView(
          id,
          request.language(),
          request.framing(),
          state,
          createdAt,
          Optional.ofNullable(startedAt),
          Optional.ofNullable(endedAt),
          exit == null ? OptionalInt.empty() : OptionalInt.of(exit.code()),
          Optional.ofNullable(exit).map(ExecEvent.Exit::reason));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public ExecStream stream(long fromSequence) {
    return log.open(fromSequence);
  }

  @Override
  public void cancel() {
    owner.requireRunning();
    interrupt(Reason.CANCELLED);
  }

  private void interrupt(Reason why) {
    GuestExec running;
    boolean queued;
    lock.lock();
    try {
      if (state == State.ENDED || wantedEnd != null) {
        return;
      }
      wantedEnd = why;
      running = guest;
      queued = state == State.QUEUED;
    } finally {
      lock.unlock();
    }
    owner.ending(this, why);
    if (queued) {
      end(why == Reason.TIMEOUT ? TIMED_OUT : INTERRUPTED, why);
    } else if (running != null) {
      interrupt(running);
    }
    // Else it is just being started; who starts it sees that its end is wanted.
  }

  private void interrupt(GuestExec running) {
    owner.after(owner.interruptGrace(), () -> kill(running));
    if (isProcess()) {
      running.signal(SIGTERM, Reach.GROUP);
    } else {
      running.signal(GuestSignal.INT);
    }
  }

  private void kill(GuestExec running) {
    if (!log.ended()) {
      // A guest that does not even answer to this is not waited for any longer.
      owner.after(owner.interruptGrace(), this::giveUp);
      if (isProcess()) {
        running.signal(SIGKILL, Reach.SESSION);
      } else {
        running.signal(GuestSignal.KILL);
      }
    }
  }

  private void giveUp() {
    Reason wanted = wantedEnd;
    if (isProcess()) {
      end(KILLED, wanted == null ? Reason.TIMEOUT : wanted);
      return;
    }
    end(
        wanted == Reason.CANCELLED ? INTERRUPTED : TIMED_OUT,
        wanted == null ? Reason.TIMEOUT : wanted);
  }

  @Override
  public void writeStdin(byte[] bytes, boolean endOfFile) {
    owner.requireRunning();
    GuestExec running;
    lock.lock();
    try {
      running = guest;
      if (!stdinOpen || state == State.ENDED || running == null) {
        throw new PodflareException(
            ErrorCode.STDIN_CLOSED,
            id + " has no open standard input; start it with \"stdin_open\": true");
      }
      stdinOpen = !endOfFile;
    } finally {
      lock.unlock();
    }
    running.stdin(bytes);
    if (endOfFile) {
      running.stdinEnd();
    }
  }
}
