package dev.podflare.mcp;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What belongs to one request, kept until it was taken, and for some time after that, so that who
 * was cut off can go on after the last message that he has seen. What is only told is let go,
 * oldest first, where too much waits; an answer never is. Thread-safe.
 */
public final class MessageStream implements Outlet {
  private static final int MOST_BYTES = 256 << 10;

  /** A message and its number, counted from 1 on. */
  public static final class Numbered {
    private final long number;
    private final byte[] message;

    private Numbered(long number, byte[] message) {
      this.number = number;
      this.message = message;
    }

    public long number() {
      return number;
    }

    /** Not to be changed. */
    public byte[] message() {
      return message;
    }
  }

  private final long id;
  private final Consumer<MessageStream> atEnd;
  private final Deque<Numbered> kept = new ArrayDeque<>(); // guarded by this
  private long bytes; // guarded by this
  private long last; // guarded by this
  private boolean ended; // guarded by this

  /** {@code atEnd}: hears once that this has ended. */
  MessageStream(long id, Consumer<MessageStream> atEnd) {
    this.id = id;
    this.atEnd = atEnd;
  }

  public long id() {
    return id;
  }

  @Override
  public synchronized void tell(byte[] message) {
    while (!kept.isEmpty() && bytes + message.length > MOST_BYTES) {
      bytes -= kept.removeFirst().message().length;
    }
    add(message);
  }

  @Override
  public void answer(byte[] message) {
    synchronized (this) {
      if (ended) {
        return;
      }
      add(message);
      ended = true;
    }
    atEnd.accept(this);
  }

  @Override
  public void end() {
    synchronized (this) {
      if (ended) {
        return;
      }
      ended = true;
      notifyAll();
    }
    atEnd.accept(this);
  }

  private void add(byte[] message) {
    if (!ended) {
      kept.addLast(new Numbered(++last, message));
      bytes += message.length;
      notifyAll();
    }
  }

  /** The first message that is kept after that number; waits for it. */
  public synchronized Optional<Numbered> next(long after, Duration wait)
      throws InterruptedException {
    long deadline = System.nanoTime() + wait.toNanos();
    while (true) {
      for (Numbered each : kept) {
        if (each.number() > after) {
          return Optional.of(each);
        }
      }
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (ended || left <= 0) {
        return Optional.empty();
      }
      wait(left);
    }
  }

  /** Whether nothing comes after that number. */
  public synchronized boolean isOver(long after) {
    return ended && after >= last;
  }

  synchronized long bytes() {
    return bytes;
  }
}
