package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.GuestExec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The terminals of one sandbox: those that run, and the last that have ended, for who asks what
 * became of them. Thread-safe.
 */
final class Terminals implements LocalTerminal.Owner {
  /** Most that run at once. */
  static final int MOST = 64;

  /** Ended ones that are kept. */
  static final int KEPT = 16;

  private final GuestMachine guest;
  private final EventBudget budget;
  private final Runnable onUse;
  private final Supplier<String> whyLost;
  private final Map<String, LocalTerminal> byId = new LinkedHashMap<>(); // guarded by this
  private boolean closed; // guarded by this

  /** {@code onUse} hears that somebody or something is busy with one. */
  Terminals(GuestMachine guest, EventBudget budget, Runnable onUse, Supplier<String> whyLost) {
    this.guest = guest;
    this.budget = budget;
    this.onUse = onUse;
    this.whyLost = whyLost;
  }

  /** Sends it to the guest; the caller waits until it is open. */
  void open(LocalTerminal terminal, TerminalRequest request, Map<String, String> env) {
    if (budget.crowded()) {
      throw new PodflareException(
          ErrorCode.HOST_FULL,
          "this server holds too much output and code that was not fetched yet",
          Map.of("held_bytes", budget.held()));
    }
    add(terminal);
    try {
      guest.wake();
      terminal.open(guest.channel(), request, env);
    } catch (RuntimeException e) {
      forget(terminal);
      throw e;
    }
  }

  private synchronized void add(LocalTerminal terminal) {
    if (closed) {
      throw new PodflareException(ErrorCode.GONE, "the sandbox is being closed");
    }
    long running = byId.values().stream().filter(it -> !it.ended()).count();
    if (running >= MOST) {
      throw new PodflareException(
          ErrorCode.TOO_MANY_PTYS,
          "this sandbox has " + running + " terminals, which is its limit",
          Map.of("max_terminals", MOST));
    }
    byId.put(terminal.id(), terminal);
  }

  /** As if it never was: it did not open. */
  void forget(LocalTerminal terminal) {
    synchronized (this) {
      byId.remove(terminal.id(), terminal);
    }
    terminal.abandon();
  }

  /** Goes on with the copy of one that ran when this sandbox was forked or saved. */
  void carryOn(LocalTerminal terminal) {
    if (terminal.isLost()) {
      terminal.abandon();
      return;
    }
    guest.calls().begins(terminal);
    synchronized (this) {
      byId.put(terminal.id(), terminal);
    }
    terminal.belongs(this);
  }

  /** Makes those that an earlier daemon had, for the renewal. */
  List<GuestExec> rejoin(List<TerminalState> states) {
    List<GuestExec> running = new ArrayList<>();
    for (TerminalState state : states) {
      LocalTerminal terminal = LocalTerminal.carried(state, guest.channel(), budget);
      synchronized (this) {
        byId.put(terminal.id(), terminal);
      }
      guest.calls().goesOn(terminal);
      terminal.belongs(this);
      running.add(terminal.exec());
    }
    return running;
  }

  /**
   * The guest is heard again: those that had ended before what was heard are not known any more.
   */
  void rejoined() {
    for (LocalTerminal terminal : all()) {
      if (terminal.isLost()) {
        forget(terminal);
      }
    }
  }

  Optional<LocalTerminal> find(String id) {
    synchronized (this) {
      return Optional.ofNullable(byId.get(id));
    }
  }

  List<TerminalView> views() {
    return all().stream().map(LocalTerminal::view).toList();
  }

  /** Whether anybody looks at one. */
  boolean watched() {
    return all().stream().anyMatch(it -> it.watched() && !it.ended());
  }

  private synchronized List<LocalTerminal> all() {
    return List.copyOf(byId.values());
  }

  /** Ends all, as the sandbox closes; none is opened any more. */
  void close() {
    synchronized (this) {
      closed = true;
    }
    all().forEach(LocalTerminal::abandon);
  }

  @Override
  public void begins(LocalTerminal terminal, GuestExec exec) {
    guest.calls().begins(terminal);
  }

  @Override
  public void active() {
    onUse.run();
  }

  @Override
  public void ended(LocalTerminal terminal) {
    onUse.run();
    List<LocalTerminal> old = new ArrayList<>();
    synchronized (this) {
      List<LocalTerminal> over = byId.values().stream().filter(LocalTerminal::ended).toList();
      for (int i = 0; i < over.size() - KEPT; i++) {
        old.add(over.get(i));
        byId.remove(over.get(i).id());
      }
    }
    old.forEach(LocalTerminal::abandon);
  }

  @Override
  public String whyLost() {
    return whyLost.get();
  }
}
