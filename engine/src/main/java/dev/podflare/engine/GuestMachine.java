package dev.podflare.engine;

import dev.podflare.common.PodflareException;
import dev.podflare.guest.AgentChannel;
import dev.podflare.guest.ChannelListener;
import dev.podflare.guest.ExecCommand;
import dev.podflare.guest.GuestCall;
import dev.podflare.guest.GuestLanguage;
import dev.podflare.guest.GuestStream;
import dev.podflare.guest.Renewal;
import dev.podflare.qemu.Machine;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A restored machine with the channel to its agent: it has an identity, entropy and a clock of its
 * own, and has run a first no-op in both languages, since emulated code is slow the first time.
 * Thread-safe.
 */
final class GuestMachine implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GuestMachine.class);

  /**
   * No user code has run yet, so nobody relies on a generator's state: without this all sandboxes
   * of a template would draw the same numbers. In a scope of its own: it leaves no names behind.
   */
  private static final String RESEED =
      """
      exec('''import sys
      if "random" in sys.modules: sys.modules["random"].seed()
      if "numpy.random" in sys.modules: sys.modules["numpy.random"].seed()
      ''', {})
      """;

  private final String sandboxId;
  private final Machine machine;
  private final AgentChannel channel;
  private final ReentrantLock waking = new ReentrantLock();
  private final AtomicBoolean settingClock = new AtomicBoolean();
  private volatile boolean asleep;

  private GuestMachine(String sandboxId, Machine machine, AgentChannel channel) {
    this.sandboxId = sandboxId;
    this.machine = machine;
    this.channel = channel;
  }

  /**
   * Makes a blank the sandbox {@code sandboxId}; it runs when this returns. The blank is killed if
   * that fails.
   */
  static GuestMachine restore(
      LoadedShape shape, Machine blank, String sandboxId, Duration deadline) {
    return restoreMachine(shape, blank, sandboxId).renew(deadline);
  }

  /** The first half: the guest runs, but still with the identity of its template. */
  static Restored restoreMachine(LoadedShape shape, Machine blank, String sandboxId) {
    AgentChannel channel = null;
    try {
      blank.restore(shape.checkpoint());
      channel = AgentChannel.open(blank.connectChannel(), new Listener(sandboxId, blank));
      blank.resume();
      return new Restored(sandboxId, blank, channel);
    } catch (RuntimeException e) {
      discard(blank, channel);
      throw e;
    }
  }

  /** A running machine that must not run user code yet. */
  record Restored(String sandboxId, Machine machine, AgentChannel channel) {

    /** Gives it identity, entropy and clock. */
    GuestMachine renew(Duration deadline) {
      try {
        channel.renew(Renewal.of(1, hostname(sandboxId), true), deadline);
        GuestCall.run(channel, ExecCommand.of(GuestLanguage.PYTHON, RESEED), deadline);
        channel.syncClock(deadline);
        return new GuestMachine(sandboxId, machine, channel);
      } catch (RuntimeException e) {
        discard(machine, channel);
        throw e;
      }
    }
  }

  private static void discard(Machine machine, @Nullable AgentChannel channel) {
    machine.kill();
    if (channel != null) {
      channel.close();
    }
  }

  /** Names are limited to 63 characters: the id's digits are enough to tell sandboxes apart. */
  private static String hostname(String sandboxId) {
    return sandboxId.replace('_', '-');
  }

  /** Runs a first call in bash and brings the clock to the host's; Python has had its own. */
  void warm(Duration deadline) {
    GuestCall.run(channel, ExecCommand.of(GuestLanguage.BASH, ":"), deadline);
    channel.syncClock(deadline);
  }

  /** Stops it until it is handed out: it costs no processor time. */
  void sleep() {
    machine.pause();
    asleep = true;
  }

  /** Goes on, if it sleeps; what is sent to it from now on finds the clock set. Idempotent. */
  void wake() {
    if (!asleep) {
      return;
    }
    waking.lock();
    try {
      if (asleep) {
        machine.resume();
        channel.sendClock();
        asleep = false;
      }
    } finally {
      waking.unlock();
    }
  }

  /**
   * Brings the clock of a running guest to the host's, on a thread of its own, since a guest can
   * make its channel wait; not while the last time is still under way.
   */
  void setClockSoon() {
    if (!asleep && settingClock.compareAndSet(false, true)) {
      Thread.ofVirtual().name("clock of " + sandboxId).start(this::setClock);
    }
  }

  private void setClock() {
    try {
      channel.sendClock();
    } catch (PodflareException lost) {
      LOG.debug("{}: {}", sandboxId, lost.sentence());
    } finally {
      settingClock.set(false);
    }
  }

  String sandboxId() {
    return sandboxId;
  }

  Machine machine() {
    return machine;
  }

  AgentChannel channel() {
    return channel;
  }

  boolean alive() {
    return channel.isOpen() && machine.state() != dev.podflare.qemu.MachineState.ENDED;
  }

  @Override
  public void close() {
    machine.kill(); // first: a channel that closes before counts as a crash
    channel.close();
  }

  private record Listener(String sandboxId, Machine machine) implements ChannelListener {
    @Override
    public void notice(Map<String, Object> notice) {
      // The guest's own words, as many as it likes: never at a level that is usually written.
      LOG.debug("{}: notice {}", sandboxId, LogText.safe(notice.toString()));
    }

    @Override
    public void stray(GuestStream stream, byte[] bytes) {
      // Written between calls by a thread of the user's: belongs to no execution.
      LOG.trace("{}: {} bytes written to {} between calls", sandboxId, bytes.length, stream);
    }

    @Override
    public void closed(PodflareException cause) {
      LOG.debug("{}: channel closed: {}", sandboxId, cause.sentence());
      machine.guestIsLost();
    }
  }
}
