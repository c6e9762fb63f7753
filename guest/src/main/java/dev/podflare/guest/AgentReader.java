package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes frames as they come and hands each to whom it concerns. One thread runs it; others register
 * executions and expect answers. A frame that the protocol does not allow is thrown as
 * MACHINE_FAILED.
 */
final class AgentReader {
  private static final Logger LOG = LoggerFactory.getLogger(AgentReader.class);
  private static final long MAX_ID = 0xffff_ffffL;
  private static final long NONE = -1;

  final PendingAnswer boot = new PendingAnswer("greeting");
  final PendingAnswer renewal = new PendingAnswer("renewal");
  final PendingAnswer clock = new PendingAnswer("clock");
  final PendingAnswer pong = new PendingAnswer("echo");
  final PendingAnswer barrier = new PendingAnswer("barrier");
  final PendingAnswer trust = new PendingAnswer("certificate");
  final PendingAnswer context = new PendingAnswer("contexts");
  final PendingAnswer mount = new PendingAnswer("mount");

  private final FrameReader frames;
  private final ChannelListener listener;
  private final Map<Long, GuestExec> executions = new ConcurrentHashMap<>();
  private final FileOperations files = new FileOperations();
  private final AtomicLong lastId = new AtomicLong();
  private volatile long awaitedEpoch = NONE;
  private volatile List<GuestExec> carried = List.of();
  private volatile boolean ended;
  private volatile boolean rejoining;
  private boolean greeted;

  AgentReader(FrameReader frames, ChannelListener listener) {
    this.frames = frames;
    this.listener = listener;
  }

  /** Runs until the stream ends or the guest does what it must not: that fault is returned. */
  PodflareException run() throws IOException {
    try {
      while (true) {
        take(frames.next());
        guarded(() -> listener.taken(frames.position()));
      }
    } catch (PodflareException fault) {
      return fault;
    }
  }

  private void take(Frame frame) {
    if (rejoining) {
      whileRejoining(frame);
    } else if (awaitedEpoch != NONE) {
      whileRenewing(frame);
    } else if (frame.id() == 0) {
      control(frame);
    } else {
      execution(frame);
    }
  }

  /** From now on everything is dropped until the greeting of that epoch. */
  void awaitEpoch(long epoch, List<GuestExec> carriedOver) {
    carried = carriedOver;
    awaitedEpoch = epoch;
    all().forEach(PendingAnswer::forgetAbandoned);
  }

  /** Until the greeting of that epoch only what concerns these executions is heard. */
  void rejoin(long epoch, List<GuestExec> running, long last) {
    running.forEach(exec -> {
      exec.beginRejoin();
      executions.put(exec.id(), exec);
    });
    lastId.set(last);
    awaitedEpoch = epoch;
    rejoining = true;
  }

  private void whileRejoining(Frame frame) {
    if (frame.type() == FrameType.HELLO && frame.id() == 0) {
      Hello hello = Messages.hello(frame.payload());
      if (hello.epoch() == awaitedEpoch) {
        rejoined(hello);
        accept(renewal, frame);
      }
    } else if (frame.id() != 0
        && !FileOperations.concerns(frame)
        && executions.containsKey(frame.id())) {
      execution(frame);
    }
  }

  private void rejoined(Hello hello) {
    awaitedEpoch = NONE;
    rejoining = false;
    greeted = true;
    for (GuestExec exec : running()) {
      if (hello.running().contains(exec.id())) {
        exec.endRejoin();
      } else {
        executions.remove(exec.id());
        exec.onLost();
      }
    }
  }

  GuestExec register(LongFunction<GuestExec> maker) {
    long id = lastId.incrementAndGet();
    if (id > MAX_ID) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "the machine has run out of numbers");
    }
    GuestExec exec = maker.apply(id);
    executions.put(id, exec);
    if (ended && executions.remove(id) != null) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "the agent channel is closed");
    }
    return exec;
  }

  /** {@code TOO_MANY_FILE_CALLS} if as many are under way as the guest may have. */
  FileOperation registerFile(LongFunction<FileOperation> maker) {
    long id = lastId.incrementAndGet();
    if (id > MAX_ID) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "the machine has run out of numbers");
    }
    FileOperation operation = files.add(id, maker);
    if (ended) {
      files.lose("the agent channel is closed");
    }
    return operation;
  }

  /** The guest was not asked for it. */
  void forgetFile(long id) {
    files.forget(id);
  }

  /** The guest has not heard of it. */
  void forget(GuestExec exec) {
    executions.remove(exec.id());
  }

  /** Whether operations on files are under way. */
  boolean busyWithFiles() {
    return !files.isEmpty();
  }

  List<GuestExec> running() {
    return List.copyOf(executions.values());
  }

  /** Tells everybody who waits that nothing more comes. */
  void lose(PodflareException cause) {
    ended = true;
    all().forEach(answer -> answer.fail(cause));
    files.lose(cause.sentence());
    loseExecutions();
  }

  private List<PendingAnswer> all() {
    return List.of(boot, renewal, clock, pong, barrier, trust, context, mount);
  }

  private void loseExecutions() {
    for (Long id : List.copyOf(executions.keySet())) {
      GuestExec exec = executions.remove(id);
      if (exec != null) {
        exec.onLost();
      }
    }
  }

  private void whileRenewing(Frame frame) {
    if (frame.type() != FrameType.HELLO || frame.id() != 0) {
      return;
    }
    Hello hello = Messages.hello(frame.payload());
    if (hello.epoch() == awaitedEpoch) {
      lastId.accumulateAndGet(
          hello.running().stream().mapToLong(Long::longValue).max().orElse(0),
          (mine, theirs) -> Math.max(mine, Math.min(theirs, MAX_ID / 2)));
      awaitedEpoch = NONE;
      greeted = true;
      // The agent has let go of whatever else ran before.
      files.lose("the machine was made another one");
      loseExecutions();
      takeOn(hello.running());
      accept(renewal, frame);
    }
  }

  private void takeOn(List<Long> running) {
    List<GuestExec> asked = carried;
    carried = List.of();
    for (GuestExec exec : asked) {
      if (running.contains(exec.id())) {
        executions.put(exec.id(), exec);
      } else {
        exec.onLost();
      }
    }
  }

  private void control(Frame frame) {
    switch (frame.type()) {
      case FrameType.HELLO -> greet(frame);
      case FrameType.PONG -> accept(pong, frame);
      case FrameType.CLOCK_SET -> accept(clock, frame);
      case FrameType.BARRIER_REACHED -> accept(barrier, frame);
      case FrameType.TRUSTED -> accept(trust, frame);
      case FrameType.CONTEXT_ANSWER -> accept(context, frame);
      case FrameType.MOUNT_ANSWER -> accept(mount, frame);
      case FrameType.NOTICE -> {
        Map<String, Object> notice = Messages.object(frame.payload(), "notice");
        guarded(() -> listener.notice(notice));
      }
      case FrameType.STDOUT -> guarded(() -> listener.stray(GuestStream.STDOUT, frame.payload()));
      case FrameType.STDERR -> guarded(() -> listener.stray(GuestStream.STDERR, frame.payload()));
      default -> throw unexpected(frame);
    }
  }

  private void greet(Frame frame) {
    if (greeted || Messages.hello(frame.payload()).epoch() != 0) {
      throw unexpected(frame);
    }
    greeted = true;
    boot.keep(frame.payload());
  }

  private void execution(Frame frame) {
    if (FileOperations.concerns(frame)) {
      if (!files.take(frame)) {
        throw unexpected(frame);
      }
      return;
    }
    GuestExec exec = executions.get(frame.id());
    if (exec == null) {
      throw unexpected(frame);
    }
    switch (frame.type()) {
      case FrameType.STDOUT -> exec.onOutput(GuestStream.STDOUT, frame.payload());
      case FrameType.STDERR -> exec.onOutput(GuestStream.STDERR, frame.payload());
      case FrameType.RESULT -> exec.onResult(frame.payload());
      case FrameType.VALUE -> exec.onValue(frame.payload());
      case FrameType.INPUT_TAKEN -> exec.onInputTaken(frame.payload());
      case FrameType.TERMINAL_OPENED -> exec.onOpened();
      case FrameType.PROCESS_STARTED -> exec.onStarted(frame.payload());
      case FrameType.DONE -> {
        Messages.Done done = Messages.done(frame.payload());
        executions.remove(frame.id());
        exec.onDone(done);
      }
      default -> throw unexpected(frame);
    }
  }

  private static void accept(PendingAnswer answer, Frame frame) {
    if (!answer.accept(frame.payload())) {
      throw unexpected(frame);
    }
  }

  static void guarded(Runnable call) {
    try {
      call.run();
    } catch (RuntimeException error) {
      LOG.warn("a listener failed", error);
    }
  }

  private static PodflareException unexpected(Frame frame) {
    return new PodflareException(
        ErrorCode.MACHINE_FAILED,
        "the guest sent an unexpected frame: type '"
            + printable(frame.letter())
            + "', id "
            + frame.id());
  }

  private static String printable(char letter) {
    return letter > ' ' && letter < 127
        ? String.valueOf(letter)
        : "0x" + Integer.toHexString(letter);
  }
}
