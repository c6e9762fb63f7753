package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A fan-out of the engine's own: calls in children, whose events meet in one queue. */
final class LocalFanOut implements FanOut {
  private static final Logger LOG = LoggerFactory.getLogger(LocalFanOut.class);

  /** A reader that is slow holds its program back after so many events. */
  private static final int WAITING = 64;

  private static final Duration LOOK = Duration.ofSeconds(1);

  private final Engine engine;
  private final Caller caller;
  private final String parentId;
  private final ForkedSandboxes forked;
  private final @Nullable Picker picker;
  private final BlockingQueue<FanOutEvent.Said> queue = new ArrayBlockingQueue<>(WAITING);
  private final List<Thread> readers = new ArrayList<>();
  private int running;
  private boolean ended;

  private LocalFanOut(
      Engine engine,
      Caller caller,
      String parentId,
      ForkedSandboxes forked,
      FanOutRequest request) {
    this.engine = engine;
    this.caller = caller;
    this.parentId = parentId;
    this.forked = forked;
    this.picker = request.pick().map(pick -> new Picker(pick, request.calls().size())).orElse(null);
  }

  /** Forks and starts all calls, or does neither. */
  static LocalFanOut start(Engine engine, Caller caller, String parentId, FanOutRequest request) {
    ForkRequest fork =
        new ForkRequest(
            request.calls().size(), Optional.empty(), Optional.empty(), request.reseed());
    LocalFanOut fanOut =
        new LocalFanOut(engine, caller, parentId, engine.fork(caller, parentId, fork), request);
    try {
      for (int i = 0; i < request.calls().size(); i++) {
        fanOut.begin(i, request.calls().get(i));
      }
      return fanOut;
    } catch (RuntimeException e) {
      fanOut.close();
      throw e;
    }
  }

  private void begin(int child, ExecRequest call) {
    String sandboxId = forked.children().get(child).id();
    Execution execution = engine.exec(caller, sandboxId, call);
    running++;
    readers.add(
        Thread.ofVirtual()
            .name("fan-out " + sandboxId)
            .start(() -> read(child, sandboxId, call.framing(), execution)));
  }

  private void read(int child, String sandboxId, ExecRequest.Framing framing, Execution execution) {
    try (ExecStream stream = execution.stream(0)) {
      while (!stream.ended()) {
        Optional<ExecEvent> event = stream.next(LOOK);
        if (event.isPresent()) {
          queue.put(new FanOutEvent.Said(child, sandboxId, execution.id(), framing, event.get()));
        }
      }
    } catch (InterruptedException closing) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public ForkedSandboxes forked() {
    return forked;
  }

  @Override
  public boolean ended() {
    return ended;
  }

  @Override
  public Optional<FanOutEvent> next(Duration wait) throws InterruptedException {
    if (ended) {
      return Optional.empty();
    }
    if (running == 0 || (picker != null && picker.decided())) {
      FanOutEvent.Done done = finish();
      ended = true;
      return Optional.of(done);
    }
    FanOutEvent.Said said = queue.poll(wait.toNanos(), TimeUnit.NANOSECONDS);
    if (said == null) {
      keepParent();
      return Optional.empty();
    }
    if (picker != null) {
      picker.hear(said.child(), said.framing(), said.event());
    }
    if (said.event() instanceof ExecEvent.Exit) {
      running--;
      keepParent();
    }
    return Optional.of(said);
  }

  /** A winner needs it, however long its children are silent. */
  private void keepParent() {
    if (picker != null) {
      engine.touch(caller, parentId);
    }
  }

  private FanOutEvent.Done finish() {
    if (picker == null) {
      return new FanOutEvent.Done(
          Optional.empty(), forked.children().stream().map(SandboxView::id).toList());
    }
    OptionalInt best = picker.winner();
    Optional<FanOutEvent.Winner> winner = Optional.empty();
    if (best.isPresent()) {
      String id = forked.children().get(best.getAsInt()).id();
      engine.merge(caller, parentId, id, false);
      winner = Optional.of(new FanOutEvent.Winner(best.getAsInt(), id, picker.value()));
    }
    closeChildren(best);
    return new FanOutEvent.Done(winner, List.of());
  }

  private void closeChildren(OptionalInt except) {
    for (int i = 0; i < forked.children().size(); i++) {
      if (except.isPresent() && except.getAsInt() == i) {
        continue;
      }
      String id = forked.children().get(i).id();
      try {
        engine.delete(caller, id);
      } catch (PodflareException e) {
        if (e.code() != ErrorCode.GONE && e.code() != ErrorCode.SANDBOX_NOT_FOUND) {
          LOG.warn("{}: a child of a fan-out could not be closed: {}", id, e.sentence());
        }
      }
    }
  }

  @Override
  public void close() {
    readers.forEach(Thread::interrupt);
    if (!ended) {
      ended = true;
      closeChildren(OptionalInt.empty());
    }
  }
}
