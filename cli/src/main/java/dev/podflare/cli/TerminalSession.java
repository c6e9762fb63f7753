package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.client.Terminal;
import dev.podflare.client.TerminalConnection;
import dev.podflare.client.TerminalListener;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * A person at a terminal of a sandbox: keys go there as they are, what it says is shown as it is. A
 * connection that breaks is made again for a while, since the sandbox outlives the server. One
 * thread runs it.
 */
final class TerminalSession implements TerminalListener {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Duration PAUSE = Duration.ofSeconds(1);
  private static final byte[] CLEAR = {27, '[', 'H', 27, '[', '2', 'J'};

  /** How it ended. */
  sealed interface Ending {
    record Exited(int code) implements Ending {}

    /** The user has left; the terminal runs on. */
    record Left() implements Ending {}

    record Lost(String why) implements Ending {}
  }

  private final RawTerminal local;
  private final Terminal remote;
  private final CompletableFuture<Ending> ending = new CompletableFuture<>();
  private volatile @Nullable TerminalConnection connection;
  private volatile String closedFor = "";

  TerminalSession(RawTerminal local, Terminal remote) {
    this.local = local;
    this.remote = remote;
  }

  Ending run() throws InterruptedException {
    connect();
    local.onResize(() -> quietly(this::resize));
    Thread keys = Thread.ofPlatform().daemon().name("keys").unstarted(this::readKeys);
    keys.start();
    Thread.ofVirtual().name("connection").start(this::follow);
    try {
      return ending.get();
    } catch (ExecutionException failed) {
      return new Ending.Lost(failed.toString());
    } finally {
      TerminalConnection open = connection;
      if (open != null) {
        open.close();
      }
    }
  }

  private void connect() {
    connection = remote.connect(this);
    resize();
  }

  private void resize() {
    TerminalConnection open = connection;
    if (open != null) {
      open.resize(local.cols(), local.rows());
    }
  }

  /** To the program's end, over connections that break. */
  private void follow() {
    try {
      while (!ending.isDone()) {
        TerminalConnection open = connection;
        Optional<Integer> code = open == null ? Optional.empty() : open.await();
        if (code.isPresent()) {
          ending.complete(new Ending.Exited(code.get()));
        } else if (!ending.isDone()) {
          again();
        }
      }
    } catch (InterruptedException stopped) {
      ending.complete(new Ending.Lost("interrupted"));
    } catch (RuntimeException failed) {
      ending.complete(new Ending.Lost(String.valueOf(failed.getMessage())));
    }
  }

  private void again() throws InterruptedException {
    local.say("the connection is gone (" + closedFor + "), joining again");
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      Thread.sleep(PAUSE);
      try {
        local.write(CLEAR);
        connect();
        return;
      } catch (ApiException refused) {
        boolean passing = refused.status() == 0 || refused.status() >= 500;
        if (!passing || System.nanoTime() > end) {
          ending.complete(new Ending.Lost(Failures.text(refused)));
          return;
        }
      } catch (IOException gone) {
        ending.complete(new Ending.Lost("standard output is closed"));
        return;
      }
    }
  }

  private void readKeys() {
    Escapes escapes = new Escapes();
    byte[] keys = new byte[16 * 1024];
    try {
      while (true) {
        int count = local.read(keys);
        if (count < 0) {
          ending.complete(new Ending.Left());
          return;
        }
        Escapes.Typed typed = escapes.add(keys, count);
        TerminalConnection open = connection;
        if (open != null && typed.bytes().length > 0) {
          quietly(() -> open.send(typed.bytes()));
        }
        switch (typed.wish()) {
          case NOTHING -> {}
          case HELP -> local.say("~. leaves the terminal, which runs on; ~~ types a ~");
          case LEAVE -> {
            ending.complete(new Ending.Left());
            return;
          }
        }
      }
    } catch (IOException gone) {
      ending.complete(new Ending.Left());
    }
  }

  /** While the connection is made again, keys are lost. */
  private static void quietly(Runnable action) {
    try {
      action.run();
    } catch (ApiException broken) {
      // Whoever follows the connection sees it end.
    }
  }

  @Override
  public void output(byte[] bytes) {
    try {
      local.write(bytes);
    } catch (IOException gone) {
      ending.complete(new Ending.Lost("standard output is closed"));
    }
  }

  @Override
  public void skipped(long bytes) {
    local.say(bytes + " bytes of output were skipped");
  }

  @Override
  public void refused(String code, String sentence) {
    local.say(sentence);
  }

  @Override
  public void closed(String why, boolean lost) {
    closedFor = why;
    if (lost && !why.isEmpty()) {
      ending.complete(new Ending.Lost(why));
    }
  }
}
