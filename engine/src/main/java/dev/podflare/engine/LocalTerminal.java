package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.AgentChannel;
import dev.podflare.guest.DoneReason;
import dev.podflare.guest.ExecListener;
import dev.podflare.guest.GuestExec;
import dev.podflare.guest.GuestSignal;
import dev.podflare.guest.GuestStream;
import dev.podflare.guest.TerminalCommand;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * One terminal: OPENING → OPEN → ENDED, or OPENING → ENDED. All output is taken from the guest as
 * it comes, into a ring, so that no viewer can hold the program back; a copy in a fork's child or
 * of a saved machine waits with that until it {@link #belongs} to a sandbox. Thread-safe.
 */
final class LocalTerminal implements Terminal, ExecListener {
  static final int WINDOW = 256 << 10;

  /** What a terminal needs of its sandbox. */
  interface Owner {
    /** It is about to be sent to the guest. */
    void begins(LocalTerminal terminal, GuestExec exec);

    /** Something was said. */
    void active();

    void ended(LocalTerminal terminal);

    /** Why the guest is not heard any more. */
    String whyLost();
  }

  private final TerminalState begin;
  private final TerminalLog log;
  private final CompletableFuture<Void> opening = new CompletableFuture<>();
  private @Nullable GuestExec guest; // guarded by this
  private @Nullable Owner owner; // guarded by this
  private int withheld; // guarded by this
  private boolean opened; // guarded by this
  private volatile int cols;
  private volatile int rows;

  LocalTerminal(TerminalState begin, EventBudget budget) {
    this.begin = begin;
    this.log = new TerminalLog(budget, begin.next(), begin.recent());
    this.cols = begin.cols();
    this.rows = begin.rows();
    if (begin.opened()) {
      opened();
    }
  }

  /** One that is to be opened. */
  static LocalTerminal fresh(
      String id, TerminalRequest request, Instant now, EventBudget budget, Owner owner) {
    TerminalCommand.requireSize(request.cols(), request.rows());
    TerminalState begin =
        new TerminalState(
            id,
            0,
            WINDOW,
            request.label(),
            now.toEpochMilli(),
            request.cols(),
            request.rows(),
            false,
            0,
            new byte[0]);
    LocalTerminal terminal = new LocalTerminal(begin, budget);
    terminal.belongs(owner);
    return terminal;
  }

  /** Those that go on in a guest: to be named in the renewal of that channel. */
  static List<LocalTerminal> carried(
      List<TerminalState> states, AgentChannel channel, EventBudget budget) {
    return states.stream().map(it -> carried(it, channel, budget)).toList();
  }

  /** One of them. */
  static LocalTerminal carried(TerminalState state, AgentChannel channel, EventBudget budget) {
    LocalTerminal terminal = new LocalTerminal(state, budget);
    synchronized (terminal) {
      terminal.guest = channel.carry(state.guestId(), state.window(), true, terminal);
    }
    return terminal;
  }

  /** From now on it is that sandbox's. */
  void belongs(Owner sandbox) {
    int credit;
    synchronized (this) {
      owner = sandbox;
      credit = withheld;
      withheld = 0;
    }
    log.count();
    if (credit > 0) {
      exec().acknowledge(credit);
    }
    if (ended()) {
      sandbox.ended(this); // before anybody could be told
    }
  }

  void open(AgentChannel channel, TerminalRequest request, Map<String, String> env) {
    GuestExec ignored =
        channel.terminal(
            new TerminalCommand(
                request.argv(), request.cwd(), env, request.cols(), request.rows(), WINDOW),
            this);
  }

  /** Waits until its program runs. {@code INVALID_FIELD} if that cannot start. */
  void awaitOpen(Duration patience) {
    try {
      opening.get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof PodflareException refused
          ? refused
          : new PodflareException(ErrorCode.INTERNAL, "a terminal failed to open", e);
    } catch (TimeoutException e) {
      kill();
      throw new PodflareException(
          ErrorCode.TIMED_OUT, "the guest has not opened a terminal within " + patience, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
  }

  @Override
  public String id() {
    return begin.terminal();
  }

  synchronized GuestExec exec() {
    GuestExec known = guest;
    if (known == null) {
      throw new PodflareException(ErrorCode.PTY_CLOSED, "terminal " + id() + " has not begun");
    }
    return known;
  }

  synchronized boolean isOpened() {
    return opened;
  }

  /** As it began here: its first line in the journal. */
  TerminalState begun() {
    return with(begin.opened(), begin.next(), begin.recent());
  }

  /** As it is now, on the thread that hears the guest or while that hears nothing. */
  TerminalState state(int maxRecent) {
    return with(isOpened(), log.next(), log.recent(maxRecent));
  }

  private TerminalState with(boolean open, long next, byte[] recent) {
    return new TerminalState(
        id(),
        exec().id(),
        begin.window(),
        begin.label(),
        begin.created(),
        cols,
        rows,
        open,
        next,
        recent);
  }

  @Override
  public TerminalView view() {
    OptionalInt code =
        log.end().orElse(null) instanceof TerminalEnd.Exited(int exit)
            ? OptionalInt.of(exit)
            : OptionalInt.empty();
    return new TerminalView(
        id(), begin.label(), Instant.ofEpochMilli(begin.created()), code, cols, rows);
  }

  boolean ended() {
    return log.end().isPresent();
  }

  /** Whether it can be told apart from one that never was: the guest has not lost it. */
  boolean isLost() {
    return log.end().orElse(null) instanceof TerminalEnd.Lost;
  }

  boolean watched() {
    return log.watched();
  }

  /** Its sandbox is gone: nobody here will hear of it any more. */
  void abandon() {
    lost();
    log.abandon();
  }

  @Override
  public TerminalStream attach() {
    return log.open();
  }

  @Override
  public Read read(long since, int maxBytes, Duration patience) throws InterruptedException {
    return log.read(since, maxBytes, patience);
  }

  @Override
  public void input(byte[] bytes) {
    requireOpen();
    try {
      exec().stdin(bytes);
    } catch (PodflareException e) {
      throw e.code() == ErrorCode.STDIN_CLOSED ? closed() : e;
    }
  }

  @Override
  public void resize(int newCols, int newRows) {
    TerminalCommand.requireSize(newCols, newRows);
    requireOpen();
    cols = newCols;
    rows = newRows;
    exec().resize(newCols, newRows);
  }

  @Override
  public void kill() {
    if (!ended()) {
      exec().signal(GuestSignal.KILL);
    }
  }

  private void requireOpen() {
    if (ended()) {
      throw closed();
    }
  }

  private PodflareException closed() {
    return new PodflareException(ErrorCode.PTY_CLOSED, "terminal " + id() + " has ended");
  }

  // What the channel's reader tells

  @Override
  public void begins(GuestExec exec) {
    Owner sandbox;
    synchronized (this) {
      guest = exec;
      sandbox = owner;
    }
    if (sandbox != null) {
      sandbox.begins(this, exec);
    }
  }

  @Override
  public void opened() {
    synchronized (this) {
      opened = true;
    }
    opening.complete(null);
  }

  @Override
  public void output(GuestStream stream, byte[] bytes) {
    log.append(bytes);
    Owner sandbox;
    synchronized (this) {
      sandbox = owner;
      if (sandbox == null) {
        withheld += bytes.length;
        return;
      }
    }
    exec().acknowledge(bytes.length);
    sandbox.active();
  }

  @Override
  public void done(int code, DoneReason reason, Optional<String> message) {
    if (!isOpened()) {
      opening.completeExceptionally(
          new PodflareException(
              ErrorCode.INVALID_FIELD,
              "cannot start '" + begin.label() + "': " + message.orElse("it ended"),
              Map.of("field", "argv")));
    }
    end(new TerminalEnd.Exited(code));
  }

  @Override
  public void lost() {
    Owner sandbox;
    synchronized (this) {
      sandbox = owner;
    }
    String why = sandbox == null ? "the guest has lost it" : sandbox.whyLost();
    opening.completeExceptionally(
        new PodflareException(ErrorCode.MACHINE_FAILED, "no terminal: " + why));
    end(new TerminalEnd.Lost(why));
  }

  private void end(TerminalEnd how) {
    log.end(how);
    Owner sandbox;
    synchronized (this) {
      sandbox = owner;
    }
    if (sandbox != null) {
      sandbox.ended(this);
    }
  }
}
