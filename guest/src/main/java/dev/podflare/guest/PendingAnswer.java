package dev.podflare.guest;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The guest's answer to one kind of control frame: asked for by one caller at a time. An answer
 * that comes after its caller gave up is swallowed. Thread-safe.
 */
final class PendingAnswer {
  /** Puts the question on the stream. */
  interface Question {
    void send() throws IOException, InterruptedException;
  }

  private final String name;
  private final ReentrantLock asking = new ReentrantLock();
  private @Nullable CompletableFuture<byte[]> waiting;
  private byte @Nullable [] kept;
  private @Nullable PodflareException failure;
  private final ArrayDeque<Runnable> abandoned = new ArrayDeque<>();

  PendingAnswer(String name) {
    this.name = name;
  }

  /** Sends the question and waits for its answer, {@code patience} in all. */
  byte[] ask(Question question, Duration patience) throws IOException, InterruptedException {
    long deadline = AwakeTime.nanos() + patience.toNanos();
    if (!asking.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS)) {
      throw timedOut(patience, null);
    }
    try {
      CompletableFuture<byte[]> answer = new CompletableFuture<>();
      expect(answer);
      question.send();
      return AwakeTime.get(answer, Duration.ofNanos(deadline - AwakeTime.nanos()));
    } catch (TimeoutException late) {
      abandon();
      throw timedOut(patience, late);
    } catch (InterruptedException interrupted) {
      abandon();
      throw interrupted;
    } catch (ExecutionException failed) {
      throw failed.getCause() instanceof PodflareException cause
          ? cause
          : new PodflareException(ErrorCode.INTERNAL, name + " failed", failed);
    } finally {
      asking.unlock();
    }
  }

  /** Sends the question for its effect. {@code onAnswer} must not block: the reader runs it. */
  void tell(Question question, Runnable onAnswer) throws IOException, InterruptedException {
    asking.lock();
    try {
      expectNobody(onAnswer);
      question.send();
    } finally {
      asking.unlock();
    }
  }

  private synchronized void expectNobody(Runnable onAnswer) {
    abandoned.addLast(onAnswer);
  }

  /** Whether somebody waits for this answer, or did. */
  synchronized boolean accept(byte[] payload) {
    Runnable nobody = abandoned.pollFirst();
    if (nobody != null) {
      nobody.run();
      return true;
    }
    CompletableFuture<byte[]> answer = waiting;
    waiting = null;
    return answer != null && answer.complete(payload);
  }

  /** Like {@link #accept}, but an answer that comes before its question is kept for it. */
  synchronized void keep(byte[] payload) {
    if (!accept(payload)) {
      kept = payload;
    }
  }

  /** Answers to what was asked before are not coming any more. */
  synchronized void forgetAbandoned() {
    abandoned.clear();
  }

  /** No answer will come, neither to what was asked nor to what will be. */
  synchronized void fail(PodflareException cause) {
    failure = cause;
    if (waiting != null) {
      waiting.completeExceptionally(cause);
      waiting = null;
    }
  }

  private synchronized void expect(CompletableFuture<byte[]> answer) {
    if (failure != null) {
      answer.completeExceptionally(failure);
    } else if (kept != null) {
      answer.complete(kept);
      kept = null;
    } else {
      waiting = answer;
    }
  }

  private synchronized void abandon() {
    if (waiting != null) {
      waiting = null;
      abandoned.addLast(() -> {});
    }
  }

  private PodflareException timedOut(Duration patience, @Nullable Throwable cause) {
    return new PodflareException(
        ErrorCode.TIMED_OUT,
        "the guest did not answer the " + name + " within " + patience.toMillis() + " ms",
        cause);
  }
}
