package dev.podflare.engine;

import java.time.Duration;
import java.util.function.Supplier;

/**
 * A terminal for those outside: what it does to the guest it does to one that runs, which may have
 * been woken for it. Thread-safe.
 *
 * @param seen as it was found
 * @param awake finds it again, in a sandbox that runs
 */
record TerminalHandle(LocalTerminal seen, Supplier<LocalTerminal> awake) implements Terminal {
  @Override
  public String id() {
    return seen.id();
  }

  @Override
  public TerminalView view() {
    return seen.view();
  }

  @Override
  public TerminalStream attach() {
    return seen.attach();
  }

  @Override
  public Read read(long since, int maxBytes, Duration patience) throws InterruptedException {
    return seen.read(since, maxBytes, patience);
  }

  @Override
  public void input(byte[] bytes) {
    awake.get().input(bytes);
  }

  @Override
  public void resize(int cols, int rows) {
    awake.get().resize(cols, rows);
  }

  @Override
  public void kill() {
    awake.get().kill();
  }
}
