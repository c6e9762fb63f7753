package dev.podflare.engine;

import dev.podflare.guest.AgentChannel;
import dev.podflare.guest.DoneReason;
import dev.podflare.guest.ExecListener;
import dev.podflare.guest.GuestExec;
import dev.podflare.guest.GuestStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The copy of a call in a fork's child. Its guest goes on before the child is a sandbox, so what it
 * says is kept until {@link #attach}: no more than the call's window, since nothing is acknowledged
 * before. Thread-safe.
 */
final class CarriedCall implements ExecListener {
  private final LocalExecution original;
  private final GuestExec guest;
  private final List<Consumer<ExecListener>> kept = new ArrayList<>();
  private @Nullable LocalExecution listener;
  private boolean lost;

  private CarriedCall(LocalExecution original, GuestExec guest, AgentChannel channel) {
    this.original = original;
    this.guest = channel.carry(guest, this);
  }

  /** Copies of those of a parent's running calls that have a caller. */
  static List<CarriedCall> of(List<GuestExec> running, AgentChannel channel) {
    List<CarriedCall> copies = new ArrayList<>();
    for (GuestExec exec : running) {
      if (exec.listener() instanceof LocalExecution original) {
        copies.add(new CarriedCall(original, exec, channel));
      } else if (exec.listener() instanceof CarriedCall again) {
        copies.add(new CarriedCall(again.heardBy(), exec, channel));
      }
    }
    return copies;
  }

  /** The call of the parent's. */
  LocalExecution original() {
    return original;
  }

  GuestExec guest() {
    return guest;
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

  private synchronized LocalExecution heardBy() {
    return listener == null ? original : listener;
  }

  private synchronized void tell(Consumer<ExecListener> event) {
    if (listener == null) {
      kept.add(event);
    } else {
      event.accept(listener);
    }
  }

  @Override
  public void output(GuestStream stream, byte[] bytes) {
    tell(it -> it.output(stream, bytes));
  }

  @Override
  public void result(Map<String, String> data) {
    tell(it -> it.result(data));
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
