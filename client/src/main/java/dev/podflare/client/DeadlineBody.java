package dev.podflare.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A response body as a stream whose every read has a deadline, which the JDK's own body stream
 * lacks. Holds at most one batch of buffers beyond the one being read, so a slow reader holds the
 * server back. One reader; {@link #close} may come from any thread and ends the connection.
 */
final class DeadlineBody extends InputStream
    implements BodySubscriber<DeadlineBody>, Flow.Subscriber<List<ByteBuffer>> {

  /** What the connection delivers. */
  private sealed interface Batch {
    record Buffers(List<ByteBuffer> buffers) implements Batch {}

    record Broken(Throwable error) implements Batch {}

    record End() implements Batch {}
  }

  private final Duration silenceTimeout;
  private final BlockingQueue<Batch> batches = new ArrayBlockingQueue<>(3);
  private Flow.@Nullable Subscription subscription; // guarded by this
  private boolean closed; // guarded by this
  private List<ByteBuffer> current = List.of();
  private int position;
  private boolean ended;
  private boolean read;

  DeadlineBody(Duration silenceTimeout) {
    this.silenceTimeout = silenceTimeout;
  }

  /** One without bytes. */
  static DeadlineBody ended() {
    DeadlineBody nothing = new DeadlineBody(Duration.ZERO);
    nothing.onComplete();
    return nothing;
  }

  @Override
  public CompletionStage<DeadlineBody> getBody() {
    return CompletableFuture.completedStage(this);
  }

  @Override
  public synchronized void onSubscribe(Flow.Subscription newSubscription) {
    if (closed) {
      newSubscription.cancel();
      return;
    }
    subscription = newSubscription;
    newSubscription.request(1);
  }

  @Override
  public void onNext(List<ByteBuffer> buffers) {
    deliver(new Batch.Buffers(buffers));
  }

  @Override
  public void onError(Throwable error) {
    deliver(new Batch.Broken(error));
  }

  @Override
  public void onComplete() {
    deliver(new Batch.End());
  }

  /** What is not there yet will not come. */
  void breakOff(IOException why) {
    deliver(new Batch.Broken(why));
  }

  /**
   * There is room: one batch is asked for at a time, and its end may follow. What is said after an
   * end is not heard any more.
   */
  private void deliver(Batch batch) {
    boolean unheard = !batches.offer(batch);
    if (unheard && batch instanceof Batch.Buffers) {
      throw new IllegalStateException("more than was asked for");
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (!ended) {
      for (; position < current.size(); position++) {
        ByteBuffer buffer = current.get(position);
        if (buffer.hasRemaining()) {
          int count = Math.min(length, buffer.remaining());
          buffer.get(target, offset, count);
          return count;
        }
      }
      advance();
    }
    return -1;
  }

  /** Whether anything came. */
  boolean wasRead() {
    return read;
  }

  private void advance() throws IOException {
    switch (nextBatch()) {
      case Batch.Buffers(List<ByteBuffer> buffers) -> {
        current = buffers;
        position = 0;
        read = true;
        requestMore();
      }
      case Batch.Broken(Throwable error) -> {
        ended = true;
        throw new IOException("connection broke: " + error.getMessage(), error);
      }
      case Batch.End() -> ended = true;
    }
  }

  private synchronized void requestMore() {
    if (subscription != null && !closed) {
      subscription.request(1);
    }
  }

  private Batch nextBatch() throws IOException {
    try {
      Batch batch = batches.poll(silenceTimeout.toNanos(), TimeUnit.NANOSECONDS);
      if (batch == null) {
        close();
        throw new HttpTimeoutException("no byte for " + silenceTimeout.toSeconds() + " s");
      }
      return batch;
    } catch (InterruptedException interrupted) {
      close();
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("interrupted").initCause(interrupted);
    }
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (subscription != null) {
      subscription.cancel();
    }
    deliver(new Batch.Broken(new IOException("closed")));
  }
}
