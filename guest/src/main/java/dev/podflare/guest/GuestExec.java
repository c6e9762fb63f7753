package dev.podflare.guest;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One execution in the guest, from its start to its end. Thread-safe.
 *
 * <p>Output: the guest stops the program when it has sent {@link ExecCommand#window} bytes that
 * were not acknowledged. Input: {@link #stdin} waits while much of what was sent is not taken.
 */
public final class GuestExec {
  private static final int INPUT_WINDOW = 256 << 10;
  private static final int INPUT_PIECE = 64 << 10;
  private static final Duration INPUT_PATIENCE = Duration.ofSeconds(30);

  private final long id;
  private final int window;
  private final AgentChannel channel;
  private final ExecListener listener;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private long received;
  private long granted;
  private int owed;
  private int inputOutstanding;
  private boolean inputEnded;
  private boolean hasResult;
  private final boolean wantsValues;
  private final ValueAssembly value = new ValueAssembly();
  private boolean over;
  private boolean rejoining;

  GuestExec(long id, ExecCommand command, AgentChannel channel, ExecListener listener) {
    // And not the command: its code may be large.
    this(id, command.window(), command.stdin(), command.result(), channel, listener);
  }

  /** One that was begun elsewhere: whether values were asked for is not known. */
  GuestExec(long id, int window, boolean stdin, AgentChannel channel, ExecListener listener) {
    this(id, window, stdin, true, channel, listener);
  }

  private GuestExec(
      long id,
      int window,
      boolean stdin,
      boolean values,
      AgentChannel channel,
      ExecListener listener) {
    this.wantsValues = values;
    this.id = id;
    this.window = window;
    this.channel = channel;
    this.listener = listener;
    granted = window;
    inputEnded = !stdin;
  }

  /** Number of the execution within its machine. */
  public long id() {
    return id;
  }

  /** Bytes of output that the guest may be ahead of what was acknowledged. */
  public int window() {
    return window;
  }

  public ExecListener listener() {
    return listener;
  }

  /** Whether its standard input is open. */
  public boolean takesInput() {
    lock.lock();
    try {
      return !inputEnded && !over;
    } finally {
      lock.unlock();
    }
  }

  /** Whether the end has been heard. */
  public boolean isOver() {
    lock.lock();
    try {
      return over;
    } finally {
      lock.unlock();
    }
  }

  /** Does nothing once the execution has ended. */
  public void signal(GuestSignal signal) {
    if (!isOver()) {
      channel.send(FrameType.SIGNAL, id, signal.name().getBytes(StandardCharsets.US_ASCII));
    }
  }

  /** How far a signal to a program goes that was named by {@code argv}. */
  public enum Reach {
    /** To its first process. */
    ONE,
    /** To all of that one's process group. */
    GROUP,
    /** To all that runs in its session. */
    SESSION
  }

  /**
   * Sends a program that was named by {@code argv} exactly this signal, by its number. Does nothing
   * once it has ended.
   */
  public void signal(int number, Reach reach) {
    if (!isOver()) {
      String order = number + " " + reach.name().toLowerCase(Locale.ROOT);
      channel.send(FrameType.SIGNAL, id, order.getBytes(StandardCharsets.US_ASCII));
    }
  }

  /**
   * Lets the guest send that many more bytes of output. Never waits for a barrier, so a listener
   * may call it.
   */
  public void acknowledge(int bytes) {
    int grant;
    lock.lock();
    try {
      if (rejoining) {
        return; // its window begins anew soon
      }
      owed += bytes;
      if (over || owed < window / 2) {
        // Small grants would wake the guest for nothing.
        return;
      }
      grant = owed;
      owed = 0;
      granted += grant;
    } finally {
      lock.unlock();
    }
    channel.sendSoon(FrameType.WINDOW, id, ByteBuffer.allocate(4).putInt(grant).array());
  }

  /** As {@link #stdin(byte[], Duration)} with 30 seconds. */
  public void stdin(byte[] bytes) {
    stdin(bytes, INPUT_PATIENCE);
  }

  /**
   * Writes to standard input and waits until the guest has room for it. {@code STDIN_CLOSED} if the
   * execution has no standard input, or none any more; {@code TIMED_OUT} if the program does not
   * read, in which case a part may have been written.
   */
  public void stdin(byte[] bytes, Duration patience) {
    long deadline = AwakeTime.nanos() + patience.toNanos();
    for (int start = 0; start < bytes.length; start += INPUT_PIECE) {
      byte[] piece = Arrays.copyOfRange(bytes, start, Math.min(bytes.length, start + INPUT_PIECE));
      reserveInput(piece.length, deadline);
      channel.send(FrameType.INPUT, id, piece);
    }
  }

  /** Of a terminal: another size, in characters. Does nothing once it has ended. */
  public void resize(int cols, int rows) {
    if (!isOver()) {
      ByteBuffer size = ByteBuffer.allocate(4).putShort((short) rows).putShort((short) cols);
      channel.send(FrameType.RESIZE, id, size.array());
    }
  }

  /** End of file on standard input. Repeating it is no error. */
  public void stdinEnd() {
    lock.lock();
    try {
      if (inputEnded || over) {
        return;
      }
      inputEnded = true;
    } finally {
      lock.unlock();
    }
    channel.send(FrameType.INPUT_END, id, new byte[0]);
  }

  private void reserveInput(int count, long deadline) {
    lock.lock();
    try {
      while (!over && !inputEnded && inputOutstanding + count > INPUT_WINDOW) {
        long left = deadline - AwakeTime.nanos();
        if (left <= 0) {
          throw new PodflareException(
              ErrorCode.TIMED_OUT, "the program does not read its standard input");
        }
        changed.awaitNanos(left);
      }
      if (over || inputEnded) {
        throw new PodflareException(ErrorCode.STDIN_CLOSED, "standard input is closed");
      }
      inputOutstanding += count;
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new PodflareException(
          ErrorCode.TIMED_OUT, "interrupted while writing to standard input", interrupted);
    } finally {
      lock.unlock();
    }
  }

  /** What comes now has been granted by another host process, and input taken from it. */
  void beginRejoin() {
    lock.lock();
    try {
      rejoining = true;
    } finally {
      lock.unlock();
    }
  }

  /** From now on the guest has a fresh window, and counts only input of this process. */
  void endRejoin() {
    lock.lock();
    try {
      rejoining = false;
      granted = received + window;
    } finally {
      lock.unlock();
    }
  }

  // What the reader thread tells. A fault of the guest is thrown and closes the channel.

  private void count(int bytes) {
    lock.lock();
    try {
      received += bytes;
      if (received > granted && !rejoining) {
        throw fault("more output than its window allows");
      }
    } finally {
      lock.unlock();
    }
  }

  void onOutput(GuestStream stream, byte[] bytes) {
    count(bytes.length);
    AgentReader.guarded(() -> listener.output(stream, bytes));
  }

  void onInputTaken(byte[] payload) {
    long count =
        payload.length == 4 ? Integer.toUnsignedLong(ByteBuffer.wrap(payload).getInt()) : -1;
    lock.lock();
    try {
      if (count < 0 || (count > inputOutstanding && !rejoining)) {
        throw fault("a wrong count of input taken");
      }
      inputOutstanding -= (int) Math.min(count, inputOutstanding);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void onOpened() {
    AgentReader.guarded(listener::opened);
  }

  void onStarted(byte[] payload) {
    int pid = payload.length == 4 ? ByteBuffer.wrap(payload).getInt() : 0;
    if (pid < 1) {
      throw fault("a wrong number of a process");
    }
    AgentReader.guarded(() -> listener.started(pid));
  }

  void onResult(byte[] payload) {
    if (hasResult) {
      throw fault("a second result");
    }
    hasResult = true;
    GuestValue value = GuestValue.last(Messages.result(payload));
    AgentReader.guarded(() -> listener.value(value));
  }

  void onValue(byte[] piece) {
    int bytes = Math.max(0, piece.length - ValueAssembly.HEADER);
    count(bytes);
    AgentReader.guarded(() -> listener.valueBytes(bytes));
    if (!wantsValues) {
      return;
    }
    Optional<byte[]> whole = value.add(piece);
    if (!listener.holdsValue(value.held())) {
      whole = value.drop();
      boolean ignored = listener.holdsValue(0);
    }
    whole.flatMap(Messages::value).ifPresent(it -> AgentReader.guarded(() -> listener.value(it)));
  }

  void onDone(Messages.Done done) {
    finish();
    AgentReader.guarded(() -> listener.done(done.code(), done.reason(), done.message()));
  }

  void onLost() {
    finish();
    AgentReader.guarded(listener::lost);
  }

  private void finish() {
    lock.lock();
    try {
      over = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private PodflareException fault(String what) {
    return new PodflareException(
        ErrorCode.MACHINE_FAILED, "the guest sent " + what + " for execution " + id);
  }
}
