package dev.podflare.engine;

import dev.podflare.guest.AgentChannel;
import dev.podflare.guest.DoneReason;
import dev.podflare.guest.ExecListener;
import dev.podflare.guest.GuestExec;
import dev.podflare.guest.GuestStream;
import dev.podflare.guest.GuestValue;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The copy of a call in a fork's child or in a sandbox that was frozen. Its guest goes on before
 * the child is a sandbox, so what it says is kept until {@link #attach}: no more than the call's
 * window, since nothing is acknowledged before. Thread-safe.
 */
final class CarriedCall implements ExecListener {
  private final Supplier<CallOrigin> origin;
  private final GuestExec guest;
  private final Optional<ProcessState> process;
  private final List<Consumer<ExecListener>> kept = new ArrayList<>();
  private @Nullable LocalExecution listener;
  private boolean lost;

  private CarriedCall(
      Supplier<CallOrigin> origin,
      Optional<ProcessState> process,
      Function<CarriedCall, GuestExec> guest) {
    this.origin = origin;
    this.process = process;
    this.guest = guest.apply(this);
  }

  /**
   * Copies of those of a parent's running calls that have a caller.
   *
   * @param processes those of them that are processes, as they were when it was frozen
   */
  static List<CarriedCall> of(
      List<GuestExec> running, Map<Long, ProcessState> processes, AgentChannel channel) {
    List<CarriedCall> copies = new ArrayList<>();
    for (GuestExec exec : running) {
      Optional<ProcessState> process = Optional.ofNullable(processes.get(exec.id()));
      originOf(exec)
          .ifPresent(origin ->
              copies.add(new CarriedCall(origin, process, it -> channel.carry(exec, it))));
    }
    return copies;
  }

  /** A call that was kept with a checkpoint. */
  static CarriedCall of(SavedCall saved, Instant now, AgentChannel channel) {
    return new CarriedCall(
        () -> saved.origin(now),
        Optional.ofNullable(saved.process()),
        it -> channel.carry(saved.guestId(), saved.window(), saved.takesInput(), it));
  }

  /** Empty for calls of the engine's own. */
  static Optional<Supplier<CallOrigin>> originOf(GuestExec exec) {
    if (exec.listener() instanceof LocalExecution original) {
      return Optional.of(original::origin);
    }
    return exec.listener() instanceof CarriedCall again
        ? Optional.of(again.originNow())
        : Optional.empty();
  }

  /** The execution that hears a guest's call, if there is one. */
  static Optional<LocalExecution> heardBy(GuestExec exec) {
    if (exec.listener() instanceof LocalExecution original) {
      return Optional.of(original);
    }
    return exec.listener() instanceof CarriedCall again ? again.attached() : Optional.empty();
  }

  private synchronized Optional<LocalExecution> attached() {
    return Optional.ofNullable(listener);
  }

  /** The process that it is, as it was then. */
  Optional<ProcessState> process() {
    return process;
  }

  private synchronized Supplier<CallOrigin> originNow() {
    LocalExecution heardBy = listener;
    return heardBy == null ? origin : heardBy::origin;
  }

  /** The call that this is a copy of, as it is now. */
  CallOrigin origin() {
    return origin.get();
  }

  GuestExec guest() {
    return guest;
  }

  /** All that go on in a guest, for its renewal. */
  static List<GuestExec> guests(List<CarriedCall> calls, List<LocalTerminal> terminals) {
    List<GuestExec> all = new ArrayList<>(calls.stream().map(CarriedCall::guest).toList());
    terminals.forEach(terminal -> all.add(terminal.exec()));
    return all;
  }

  /** Whether the parent's guest had heard of it when it was frozen. */
  synchronized boolean began() {
    return !lost;
  }

  /** Tells what was kept, in order, and all that comes from now on. */
  synchronized void attach(LocalExecution execution) {
    listener = execution;
    kept.forEach(event -> event.accept(execution));
    kept.clear();
  }

  private synchronized void tell(Consumer<ExecListener> event) {
    if (listener == null) {
      kept.add(event);
    } else {
      event.accept(listener);
    }
  }

  @Override
  public void started(int pid) {
    tell(it -> it.started(pid));
  }

  @Override
  public void output(GuestStream stream, byte[] bytes) {
    tell(it -> it.output(stream, bytes));
  }

  @Override
  public void value(GuestValue value) {
    tell(it -> it.value(value));
  }

  @Override
  public synchronized boolean holdsValue(int bytes) {
    return listener == null || listener.holdsValue(bytes);
  }

  @Override
  public void valueBytes(int bytes) {
    tell(it -> it.valueBytes(bytes));
  }

  @Override
  public void done(int code, DoneReason reason, Optional<String> message) {
    tell(it -> it.done(code, reason, message));
  }

  @Override
  public synchronized void lost() {
    lost = true;
    tell(ExecListener::lost);
  }
}
