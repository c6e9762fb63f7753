package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One operation on a guest's files: a request, a stream of input, a head, a stream of output, an
 * end. The host holds no more of it than {@link #WINDOW} bytes each way. Its two directions may be
 * used by a thread each; what the guest refuses is thrown by whichever call comes next, with the
 * guest's own code. {@code TRANSFER_CUT} if the machine has ended or was replaced meanwhile.
 */
public final class FileOperation implements AutoCloseable {
  /** Bytes that may be under way each way. */
  static final int WINDOW = 1 << 20;

  /**
   * Most bytes of a frame; with its head four writes to a virtio port. Longer ones would let a call
   * wait.
   */
  public static final int PIECE = (128 << 10) - 9;

  /** The least that a piece of output counts. */
  private static final int COST = 1024;

  private static final long LARGEST_HOLE = 1L << 30;

  /**
   * How long the guest may be silent while it is waited for: it may have a large file to digest.
   */
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  private static final int LONGEST_MESSAGE = 500;

  /** What the guest may say; all else becomes FILE_FAILED. */
  private static final Set<ErrorCode> FAILURES =
      Set.of(
          ErrorCode.FILE_NOT_FOUND,
          ErrorCode.NOT_A_DIRECTORY,
          ErrorCode.IS_A_DIRECTORY,
          ErrorCode.NOT_A_FILE,
          ErrorCode.FILE_EXISTS,
          ErrorCode.DIRECTORY_NOT_EMPTY,
          ErrorCode.FILE_NAME_TOO_LONG,
          ErrorCode.FILE_NOT_PERMITTED,
          ErrorCode.DISK_FULL,
          ErrorCode.RANGE_NOT_SATISFIABLE,
          ErrorCode.OFFSET_MISMATCH,
          ErrorCode.PRECONDITION_FAILED,
          ErrorCode.BAD_ARCHIVE,
          ErrorCode.INVALID_FIELD,
          ErrorCode.TOO_MANY_FILE_CALLS,
          ErrorCode.TRANSFER_CUT);

  private sealed interface Event {}

  private record Head(JsonNode answer) implements Event {}

  @SuppressWarnings("ArrayRecordComponent") // read once, never compared
  private record Output(byte[] bytes) implements Event {}

  private record Hole(long size) implements Event {}

  private record End() implements Event {}

  private final long id;
  private final AgentChannel channel;
  private final LinkedBlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private int granted = WINDOW;
  private int owed;
  private int inputOutstanding;
  private boolean headHeard;
  private boolean cancelled;
  private @Nullable JsonNode answer;
  private @Nullable PodflareException failure;
  private @Nullable Event peeked;

  FileOperation(long id, AgentChannel channel) {
    this.id = id;
    this.channel = channel;
  }

  long id() {
    return id;
  }

  /** What the guest says before any output. */
  public JsonNode head() {
    if (next(PATIENCE).orElseThrow(this::silent) instanceof Head head) {
      return head.answer();
    }
    throw bad("no head");
  }

  /** A piece of output. */
  @SuppressWarnings("ArrayRecordComponent") // read once, never compared
  public record Piece(byte[] bytes, long zeros) {
    /** Either {@code bytes}, or that many zeros. */
    public long size() {
      return bytes.length + zeros;
    }
  }

  /** The next piece; empty at the end of the output. */
  public Optional<Piece> read() {
    Optional<Piece> piece = read(PATIENCE);
    if (piece.isEmpty() && !ended()) {
      throw silent();
    }
    return piece;
  }

  /** The same within a time: empty if nothing came, or at the end, which {@link #ended} tells. */
  public Optional<Piece> read(Duration wait) {
    Optional<Event> event = next(wait);
    if (event.isEmpty()) {
      return Optional.empty();
    }
    return switch (event.get()) {
      case Output output -> {
        acknowledge(output.bytes().length);
        yield Optional.of(new Piece(output.bytes(), 0));
      }
      case Hole hole -> {
        acknowledge(PIECE);
        yield Optional.of(new Piece(new byte[0], hole.size()));
      }
      case End end -> {
        peeked = end;
        yield Optional.empty();
      }
      case Head _ -> throw bad("a head in the middle");
    };
  }

  /** Whether all output was read, and the guest has done what it was asked for. */
  public boolean ended() {
    return peeked instanceof End;
  }

  /** Sends input, and waits while the guest does not take it. */
  public void write(byte[] bytes, int offset, int length) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    for (int at = offset; at < offset + length; at += PIECE) {
      int to = Math.min(offset + length, at + PIECE);
      reserve(to - at, deadline);
      send(FrameType.FILE_INPUT, Arrays.copyOfRange(bytes, at, to));
    }
  }

  /** No more input comes. */
  public void writeEnd() {
    send(FrameType.FILE_INPUT_END, new byte[0]);
  }

  /** The end of the machine is not the caller's, nor ours: it may have been frozen, or merged. */
  private void send(byte type, byte[] payload) {
    try {
      channel.send(type, id, payload);
    } catch (PodflareException e) {
      throwFailure();
      throw e.code() == ErrorCode.MACHINE_FAILED
          ? new PodflareException(
              ErrorCode.TRANSFER_CUT, "the transfer was cut off: " + e.sentence(), e)
          : e;
    }
  }

  /** Skips what output there still is, and returns what the guest says at its end. */
  public JsonNode end() {
    while (!ended()) {
      Optional<Piece> skipped = read();
      if (skipped.isEmpty()) {
        break;
      }
    }
    lock.lock();
    try {
      JsonNode said = answer;
      if (said == null) {
        throw bad("no end");
      }
      return said;
    } finally {
      lock.unlock();
    }
  }

  /** Lets the guest stop, if it has not ended. */
  @Override
  public void close() {
    lock.lock();
    try {
      if (cancelled || answer != null || failure != null) {
        return;
      }
      cancelled = true;
      failure = new PodflareException(ErrorCode.TRANSFER_CUT, "cancelled");
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    events.clear();
    channel.sendSoon(FrameType.FILE_CANCEL, id, new byte[0]);
  }

  private Optional<Event> next(Duration wait) {
    Event known = peeked;
    if (known != null) {
      return Optional.of(known);
    }
    try {
      Event event = events.poll(wait.toNanos(), TimeUnit.NANOSECONDS);
      if (event == null || event instanceof End) {
        throwFailure();
      }
      return Optional.ofNullable(event);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new PodflareException(
          ErrorCode.SHUTTING_DOWN, "interrupted while reading a guest's files", interrupted);
    }
  }

  private void throwFailure() {
    lock.lock();
    try {
      if (failure != null) {
        throw failure;
      }
    } finally {
      lock.unlock();
    }
  }

  private void acknowledge(int bytes) {
    int grant;
    lock.lock();
    try {
      owed += Math.max(bytes, COST);
      if (owed < WINDOW / 4 || cancelled || answer != null || failure != null) {
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

  private void reserve(int count, long deadline) {
    lock.lock();
    try {
      while (failure == null && answer == null && inputOutstanding + count > WINDOW) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          throw silent();
        }
        long ignored = changed.awaitNanos(left);
      }
      if (failure != null) {
        throw failure;
      }
      if (answer != null) {
        throw bad("an end before that of its input");
      }
      inputOutstanding += count;
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new PodflareException(
          ErrorCode.SHUTTING_DOWN, "interrupted while writing a guest's files", interrupted);
    } finally {
      lock.unlock();
    }
  }

  // What the reader thread tells. A fault of the guest is thrown and closes the channel.

  void take(Frame frame) {
    byte[] payload = frame.payload();
    switch (frame.type()) {
      case FrameType.FILE_HEAD -> {
        if (headHeard) {
          throw fault("a second head");
        }
        headHeard = true;
        offer(new Head(Messages.file(payload)));
      }
      case FrameType.FILE_OUTPUT -> {
        pay(payload.length);
        offer(new Output(payload));
      }
      case FrameType.FILE_HOLE -> {
        pay(PIECE);
        long size = payload.length == 8 ? ByteBuffer.wrap(payload).getLong() : -1;
        if (size < 0 || size > LARGEST_HOLE) {
          throw fault("a wrong hole");
        }
        offer(new Hole(size));
      }
      case FrameType.FILE_INPUT_TAKEN -> taken(payload);
      case FrameType.FILE_END -> ended(Messages.file(payload));
      default -> throw fault("a frame of another kind");
    }
  }

  void lose(String why) {
    fail(new PodflareException(ErrorCode.TRANSFER_CUT, "the transfer was cut off: " + why));
  }

  private void pay(int length) {
    lock.lock();
    try {
      granted -= Math.max(length, COST);
      if (granted < 0) {
        throw fault("more output than its window allows");
      }
    } finally {
      lock.unlock();
    }
  }

  private void offer(Event event) {
    lock.lock();
    try {
      if (!cancelled) {
        events.add(event);
      }
    } finally {
      lock.unlock();
    }
  }

  private void taken(byte[] payload) {
    long count =
        payload.length == 4 ? Integer.toUnsignedLong(ByteBuffer.wrap(payload).getInt()) : -1;
    lock.lock();
    try {
      if (count < 0 || count > inputOutstanding) {
        throw fault("a wrong count of input taken");
      }
      inputOutstanding -= (int) count;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void ended(JsonNode said) {
    if (said.has("error")) {
      fail(refusal(said));
      return;
    }
    lock.lock();
    try {
      answer = said;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    events.add(new End());
  }

  private void fail(PodflareException cause) {
    lock.lock();
    try {
      if (failure == null) {
        failure = cause;
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    events.add(new End());
  }

  private static PodflareException refusal(JsonNode said) {
    String name = said.path("error").asString("");
    ErrorCode code =
        FAILURES.stream()
            .filter(each -> each.wireName().equals(name))
            .findFirst()
            .orElse(ErrorCode.FILE_FAILED);
    String message = said.path("message").asString("").toLowerCase(Locale.ROOT);
    String shown = message.substring(0, Math.min(message.length(), LONGEST_MESSAGE));
    for (String detail : Set.of("offset", "size")) {
      if (said.path(detail).isIntegralNumber()) {
        return new PodflareException(code, shown, Map.of(detail, said.path(detail).asLong()));
      }
    }
    return new PodflareException(code, shown);
  }

  private PodflareException silent() {
    return new PodflareException(
        ErrorCode.TIMED_OUT,
        "the guest has said nothing of its files for " + PATIENCE.toMinutes() + " minutes");
  }

  private static PodflareException bad(String what) {
    return new PodflareException(
        ErrorCode.BAD_GUEST_ANSWER, "the guest's answer about a file has " + what);
  }

  private PodflareException fault(String what) {
    return new PodflareException(
        ErrorCode.MACHINE_FAILED, "the guest sent " + what + " for file operation " + id);
  }
}
