package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The host's end of the channel to one guest's agent. Thread-safe.
 *
 * <p>States: open → closed, once, by {@link #close}, by the guest's end, or by a fault of the
 * guest, which is not trusted: it may send anything, but cannot make the host hold more than one
 * frame plus what executions have windows for. Between {@link #barrier} and {@link #release} or
 * {@link #renew} the stream is silent in both directions, so the machine can be checkpointed; calls
 * that send wait meanwhile.
 *
 * <p>A thread that is interrupted in the middle of a write closes the channel.
 */
public final class AgentChannel implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AgentChannel.class);

  /** Larger code goes in pieces, so that one call does not hold up the others. */
  private static final int INLINE_CODE = 32 << 10;

  private static final int CODE_PIECE = 64 << 10;
  private static final Duration CLOCK_GOOD_ENOUGH = Duration.ofMillis(10);
  private static final Duration CLOCK_PATIENCE = Duration.ofSeconds(10);

  private final ByteChannel socket;
  private final FrameWriter writer;
  private final AgentReader reader;
  private final ChannelListener listener;
  private final AtomicReference<@Nullable PodflareException> end = new AtomicReference<>();
  private volatile AgentFeatures features = AgentFeatures.UNKNOWN;

  private AgentChannel(ByteChannel socket, ChannelListener listener) {
    this.socket = socket;
    this.listener = listener;
    writer = new FrameWriter(socket);
    reader = new AgentReader(new FrameReader(socket), listener);
  }

  /** Takes over a connected stream whose calls block. */
  public static AgentChannel open(ByteChannel stream, ChannelListener listener) {
    AgentChannel channel = new AgentChannel(stream, listener);
    channel.begin();
    return channel;
  }

  /**
   * Joins a stream that another host process has left. Nothing is heard of it before {@link
   * #rejoin}, for which executions can be made by {@link #carry}.
   *
   * @param stream begins with a whole frame; what it has may have been heard by the other already
   */
  public static AgentChannel joining(ByteChannel stream, ChannelListener listener) {
    return new AgentChannel(stream, listener);
  }

  private void begin() {
    StuckWrites.add(this);
    Thread.ofVirtual().name("agent-channel-reader").start(this::read);
  }

  /**
   * Begins to hear a stream that was left: of the renewal's executions everything that is in it,
   * and of the rest nothing. Those that the guest does not have any more are lost. Ends a barrier.
   *
   * @param lastId greatest number that an execution of this machine has had
   */
  public Hello rejoin(Renewal renewal, long lastId, Duration patience) {
    reader.rejoin(renewal.epoch(), renewal.carried(), lastId);
    begin();
    return renewed(renewal, patience);
  }

  /** Waits for the greeting of a guest that is booting. */
  public Hello awaitHello(Duration patience) {
    return greeted(Messages.hello(ask(reader.boot, () -> {}, patience)));
  }

  /** Executions that have begun and whose end was not heard yet. */
  public List<GuestExec> running() {
    return reader.running();
  }

  /**
   * The host's end of a copy of an execution: of one that ran, on another channel, when this
   * machine was frozen. To be named in {@link #renew}; it is heard from then on.
   */
  public GuestExec carry(GuestExec original, ExecListener execListener) {
    return carry(original.id(), original.window(), original.takesInput(), execListener);
  }

  /**
   * The same of what was written down of the original: its number, its window, and whether its
   * standard input was open.
   */
  public GuestExec carry(long id, int window, boolean takesInput, ExecListener execListener) {
    return new GuestExec(id, window, takesInput, this, execListener);
  }

  /**
   * Makes a restored machine its own, and ends a barrier. Frames that arrive before the answer are
   * dropped. Carried executions that the guest does not have are lost. {@code MACHINE_FAILED} if
   * entropy or clock could not be renewed: the machine must not run user code.
   */
  public Hello renew(Renewal renewal, Duration patience) {
    reader.awaitEpoch(renewal.epoch(), renewal.carried());
    return renewed(renewal, patience);
  }

  private Hello renewed(Renewal renewal, Duration patience) {
    byte[] answer =
        ask(
            reader.renewal,
            () -> writer.release(FrameType.RENEW, Messages.renewal(renewal)),
            patience);
    Hello hello = greeted(Messages.hello(answer));
    if (hello.failed().contains("entropy") || hello.failed().contains("clock")) {
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, "the guest could not renew its " + hello.failed());
    }
    return hello;
  }

  private Hello greeted(Hello hello) {
    features = AgentFeatures.of(hello);
    return hello;
  }

  /**
   * Asks something about contexts, see {@link GuestContexts}. {@code GUEST_TOO_OLD} if the agent
   * knows of none.
   */
  byte[] askContexts(byte[] question, Duration patience) {
    features.require(AgentFeatures.CONTEXTS, "contexts");
    return ask(reader.context, () -> writer.send(FrameType.CONTEXT, 0, question), patience);
  }

  /**
   * Asks for volumes to be mounted, see {@link GuestMounts}. {@code GUEST_TOO_OLD} if the agent
   * knows of none.
   */
  byte[] askMounts(byte[] question, Duration patience) {
    features.require(AgentFeatures.VOLUMES, "volumes");
    return ask(reader.mount, () -> writer.send(FrameType.MOUNT, 0, question), patience);
  }

  /**
   * Begins an operation on the guest's files, which must be closed. {@code GUEST_TOO_OLD} if the
   * guest's agent knows of none; {@code TOO_MANY_FILE_CALLS}.
   *
   * @param request as the guest's files worker reads it: paths are text of the characters U+0000 to
   *     U+00FF, one for each byte
   */
  public FileOperation files(Map<String, Object> request) {
    features.require(AgentFeatures.FILES, "files");
    FileOperation operation = reader.registerFile(id -> new FileOperation(id, this));
    try {
      send(FrameType.FILE_BEGIN, operation.id(), Messages.fileRequest(request));
    } catch (RuntimeException e) {
      reader.forgetFile(operation.id());
      throw e;
    }
    return operation;
  }

  /** Whether operations on files are under way. */
  public boolean busyWithFiles() {
    return reader.busyWithFiles();
  }

  /** As {@link #syncClock(Duration, InstantSource)} with the host's clock. */
  public Duration syncClock(Duration patience) {
    return syncClock(patience, InstantSource.system());
  }

  /**
   * Sets the guest's clock, again and again until a round trip was short or half of the time is
   * used up. Returns how far the guest's clock can be behind.
   */
  public Duration syncClock(Duration patience, InstantSource clock) {
    long start = System.nanoTime();
    while (true) {
      long sent = System.nanoTime();
      Duration left = patience.minusNanos(sent - start);
      Messages.clockAnswer(
          ask(reader.clock, () -> writer.send(FrameType.CLOCK, 0, Messages.clock(clock)), left));
      Duration bound = Duration.ofNanos(System.nanoTime() - sent);
      boolean late = System.nanoTime() - start > patience.toNanos() / 2;
      if (late || bound.compareTo(CLOCK_GOOD_ENOUGH) <= 0) {
        return bound;
      }
    }
  }

  /**
   * Sends the host's time and does not wait: what is sent later finds the guest's clock set. A busy
   * host may bring it late, by as much as the clock is behind then; once the answer shows that, the
   * clock is set again.
   */
  public void sendClock() {
    long sent = System.nanoTime();
    attempt(() -> {
      reader.clock.tell(
          () -> writer.send(FrameType.CLOCK, 0, Messages.clock(InstantSource.system())),
          () -> clockWasSet(Duration.ofNanos(System.nanoTime() - sent)));
      return true;
    });
  }

  /** Gives the guest another host name; does not wait for it. */
  public void sendName(String hostname) {
    byte[] name = Renewal.checkedHostname(hostname).getBytes(StandardCharsets.US_ASCII);
    attempt(() -> {
      writer.send(FrameType.NAME, 0, name);
      return true;
    });
  }

  /**
   * Makes the guest's programs trust an authority; does not wait: what is sent later finds it
   * there. It can be repeated. {@code GUEST_TOO_OLD} if the agent cannot do that.
   */
  public void sendTrust(Authority authority) {
    features.require(AgentFeatures.TRUST, "secrets");
    attempt(() -> {
      reader.trust.tell(() -> writer.send(FrameType.TRUST, 0, authority.payload()), () -> {});
      return true;
    });
  }

  /**
   * The same, and waits until it is there. {@code WRONG_STATE} if the guest's disk is in the way.
   */
  public void trust(Authority authority, Duration patience) {
    features.require(AgentFeatures.TRUST, "secrets");
    byte[] answer =
        ask(reader.trust, () -> writer.send(FrameType.TRUST, 0, authority.payload()), patience);
    if (answer.length > 0) {
      throw new PodflareException(
          ErrorCode.WRONG_STATE,
          "the guest cannot be made to trust the gate: " + Messages.words(answer));
    }
  }

  /** {@code GUEST_TOO_OLD} if {@link #trust} cannot be done. */
  public void requireTrust() {
    features.require(AgentFeatures.TRUST, "secrets");
  }

  /** False: variables have to go with each call of Python, which then takes longer. */
  public boolean keepsVariables() {
    return features.has(AgentFeatures.VARIABLES);
  }

  /**
   * Gives the first interpreter variables of its environment, in place of those of before; they are
   * there in every call that is sent after this. Does not wait for it.
   *
   * @param variables of names and values as {@link ExecCommand} takes them
   */
  public void sendVariables(Map<String, String> variables) {
    features.require(AgentFeatures.VARIABLES, "variables");
    send(FrameType.VARIABLES, 0, Messages.variables(variables));
  }

  /**
   * Lets the first interpreter run what a call runs, if it is idle: in a fresh copy all code is
   * slow the first time, and the first call then finds most of it translated. Waits until that is
   * done. Nothing happens in a guest whose agent is too old.
   */
  public void rehearse(Duration patience) {
    if (features.has(AgentFeatures.REHEARSAL)) {
      send(FrameType.REHEARSE, 0, new byte[0]);
      Duration ignored = ping(new byte[0], patience); // whoever holds the port answers in turn
    }
  }

  private void clockWasSet(Duration bound) {
    if (bound.compareTo(CLOCK_GOOD_ENOUGH) <= 0) {
      return;
    }
    Thread.ofVirtual()
        .name("late-clock")
        .start(() -> {
          try {
            syncClock(CLOCK_PATIENCE);
          } catch (PodflareException lost) {
            LOG.debug("a clock that was set late could not be set again: {}", lost.sentence());
          }
        });
  }

  /** Bare echo; returns the round trip. {@code payload}: 1 MiB at most. */
  public Duration ping(byte[] payload, Duration patience) {
    long sent = System.nanoTime();
    byte[] echo = ask(reader.pong, () -> writer.send(FrameType.PING, 0, payload), patience);
    Duration taken = Duration.ofNanos(System.nanoTime() - sent);
    if (!Arrays.equals(echo, payload)) {
      throw shut(new PodflareException(ErrorCode.MACHINE_FAILED, "the guest sent a wrong echo"));
    }
    return taken;
  }

  /**
   * Starts code. Returns when it has been sent; the listener may hear of it before. Python calls
   * run one at a time in order of arrival, bash calls side by side.
   */
  public GuestExec exec(ExecCommand command, ExecListener execListener) {
    if (!command.argv().isEmpty()) {
      features.require(AgentFeatures.PROCESSES, "processes");
    }
    byte[] code = command.code().getBytes(StandardCharsets.UTF_8);
    if (code.length > ExecCommand.MAX_CODE) {
      throw new PodflareException(
          ErrorCode.PAYLOAD_TOO_LARGE,
          "code takes " + code.length + " bytes; the most is " + ExecCommand.MAX_CODE);
    }
    boolean inline = code.length <= INLINE_CODE;
    byte[] request = Messages.exec(command, inline ? Optional.empty() : Optional.of(code.length));
    GuestExec exec = reader.register(id -> new GuestExec(id, command, this, execListener));
    execListener.begins(exec);
    send(FrameType.EXEC, exec.id(), request);
    for (int at = 0; !inline && at < code.length; at += CODE_PIECE) {
      int to = Math.min(code.length, at + CODE_PIECE);
      send(FrameType.CODE, exec.id(), Arrays.copyOfRange(code, at, to));
    }
    return exec;
  }

  /**
   * Opens a terminal: an execution whose output and input are those of a program that has one.
   * Returns when the request has been sent; the listener hears {@link ExecListener#opened}, or the
   * end with a message that says why it cannot start. {@code GUEST_TOO_OLD} if the agent knows no
   * terminals.
   */
  public GuestExec terminal(TerminalCommand command, ExecListener execListener) {
    features.require(AgentFeatures.TERMINALS, "terminals");
    GuestExec exec =
        reader.register(id -> new GuestExec(id, command.window(), true, this, execListener));
    execListener.begins(exec);
    try {
      send(FrameType.TERMINAL, exec.id(), Messages.terminal(command));
    } catch (RuntimeException e) {
      reader.forget(exec);
      throw e;
    }
    return exec;
  }

  /**
   * Asks the guest what takes it a while: a call whose output and whose end's message are the
   * answer. A signal takes the question back. {@code GUEST_TOO_OLD} if the agent knows no
   * processes.
   */
  GuestExec question(Map<String, Object> question, int window, ExecListener execListener) {
    features.require(AgentFeatures.PROCESSES, "processes");
    GuestExec exec = reader.register(id -> new GuestExec(id, window, false, this, execListener));
    execListener.begins(exec);
    try {
      send(FrameType.QUESTION, exec.id(), Messages.question(question, window));
    } catch (RuntimeException e) {
      reader.forget(exec);
      throw e;
    }
    return exec;
  }

  /**
   * Silences the stream: when it returns nothing is in flight, and nothing will be until {@link
   * #release} or {@link #renew}. After a failure call {@link #release} as well.
   */
  public void barrier(Duration patience) {
    ask(reader.barrier, () -> writer.hold(FrameType.BARRIER), patience);
  }

  /** Ends a barrier. */
  public void release() {
    attempt(() -> {
      writer.release(FrameType.RELEASE, new byte[0]);
      return true;
    });
  }

  public boolean isOpen() {
    return end.get() == null;
  }

  @Override
  public void close() {
    shut(new PodflareException(ErrorCode.MACHINE_FAILED, "the agent channel was closed"));
  }

  // Package-private: for executions and the watch

  void send(byte type, long id, byte[] payload) {
    attempt(() -> {
      writer.send(type, id, payload);
      return true;
    });
  }

  /** Does not wait for a barrier, and a closed channel is no error. */
  void sendSoon(byte type, long id, byte[] payload) {
    try {
      writer.sendOrDefer(type, id, payload);
    } catch (IOException error) {
      shut(broken(error));
    }
  }

  void closeIfStuck() {
    if (writer.stuckFor(StuckWrites.PATIENCE)) {
      shut(
          new PodflareException(
              ErrorCode.MACHINE_FAILED,
              "the guest has read nothing for " + StuckWrites.PATIENCE.toSeconds() + " s"));
    }
  }

  private void read() {
    PodflareException cause;
    try {
      cause = shut(reader.run());
    } catch (IOException error) {
      cause = shut(broken(error));
    } catch (RuntimeException error) {
      cause = shut(new PodflareException(ErrorCode.INTERNAL, "reading the channel failed", error));
    }
    reader.lose(cause);
    listener.closed(cause);
  }

  private byte[] ask(PendingAnswer answer, PendingAnswer.Question question, Duration patience) {
    return attempt(() -> answer.ask(question, patience));
  }

  private interface Action<T> {
    T run() throws IOException, InterruptedException;
  }

  private <T> T attempt(Action<T> action) {
    PodflareException ended = end.get();
    if (ended != null) {
      throw ended;
    }
    try {
      return action.run();
    } catch (IOException error) {
      throw shut(broken(error));
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new PodflareException(
          ErrorCode.SHUTTING_DOWN, "interrupted while talking to the guest", interrupted);
    }
  }

  /** Closes with this cause, or keeps the earlier one; the reader thread tells the listeners. */
  private PodflareException shut(PodflareException cause) {
    PodflareException earlier = end.compareAndExchange(null, cause);
    StuckWrites.remove(this);
    try {
      socket.close();
    } catch (IOException ignored) {
      // Nothing is left to be done about it.
    }
    writer.close();
    return earlier == null ? cause : earlier;
  }

  private static PodflareException broken(IOException error) {
    return new PodflareException(
        ErrorCode.MACHINE_FAILED, "the agent channel broke: " + error, error);
  }
}
