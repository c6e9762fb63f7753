package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Blocker;
import org.eclipse.jetty.util.BufferUtil;
import org.jspecify.annotations.Nullable;

/**
 * One request's way to a guest and back, on a connection of its own. What comes is passed on at
 * once and in the same pieces, and nothing more is read until the other end has taken it. One
 * thread, and the watcher's.
 */
final class PortExchange implements PortConnections.Watched {
  private static final Duration LINGER = Duration.ofSeconds(2);
  private static final String SILENT = "nothing has moved between the caller and the guest for ";

  private final Request request;
  private final Response response;
  private final PortTarget target;
  private final Duration idle;
  private final EndPoint client;
  private volatile @Nullable GuestChannel guest;
  private volatile @Nullable PodflareException ended;
  private volatile boolean events; // of a stream that has no end of its own
  private volatile long expiredNanos; // 0: not yet

  PortExchange(Request request, Response response, PortTarget target, Duration idle) {
    this.request = request;
    this.response = response;
    this.target = target;
    this.idle = idle;
    this.client = request.getConnectionMetaData().getConnection().getEndPoint();
  }

  /**
   * Runs to the end of the answer.
   *
   * @return the answer's head if the guest has agreed to a WebSocket, which is then to be joined
   *     with the channel; else the whole answer is out
   */
  Optional<Switch> run(PortAccess access, GuestChannel channel)
      throws IOException, InterruptedException {
    guest = channel;
    if (ended != null) {
      channel.close();
    }
    long usual = client.getIdleTimeout();
    client.setIdleTimeout(idle.multipliedBy(2).toMillis()); // the watcher is to be first
    try {
      int ignored = channel.write(ByteBuffer.wrap(GuestRequestHead.of(access, request, target)));
      return exchange(channel);
    } catch (IOException | PodflareException failed) {
      PodflareException known = ended;
      if (known != null) {
        throw known;
      }
      throw failed;
    } finally {
      client.setIdleTimeout(usual);
    }
  }

  /** An agreed WebSocket: head of the answer, and what the guest sent right after it. */
  record Switch(GuestAnswer.Head head, ByteBuffer rest) {}

  private Optional<Switch> exchange(GuestChannel channel) throws IOException, InterruptedException {
    GuestUpload upload =
        GuestRequestHead.hasBody(request) ? GuestUpload.start(request, channel, client) : null;
    boolean whole = false;
    try {
      GuestAnswer answer = new GuestAnswer(channel, HttpMethod.HEAD.is(request.getMethod()));
      GuestAnswer.Head head = answer.head();
      if (head.status() == 101) {
        if (!Upgrades.wanted(request)) {
          throw GuestAnswer.bad("the guest switches to a protocol that nobody asked for");
        }
        return Optional.of(new Switch(head, answer.rest()));
      }
      pass(head, answer, channel);
      whole = true;
    } catch (IOException failed) {
      if (upload != null && upload.broken()) {
        throw new PodflareException(ErrorCode.BAD_REQUEST, "the body ended too early", failed);
      }
      throw failed;
    } finally {
      if (upload != null) {
        if (!whole) {
          channel.close();
        }
        whole &= upload.finish();
      }
    }
    if (!whole) {
      throw new IOException("the caller went on sending after the end of the answer");
    }
    return Optional.empty();
  }

  private void pass(GuestAnswer.Head head, GuestAnswer answer, GuestChannel channel)
      throws IOException {
    response.setStatus(head.status());
    GuestAnswerHead.copy(head.headers(), response.getHeaders(), target);
    boolean ends = head.headers().contains(HttpHeader.CONTENT_LENGTH, "0");
    if (!ends) {
      write(false, BufferUtil.EMPTY_BUFFER); // the head does not wait for the body
    }
    events = eventStream(head.headers().get(HttpHeader.CONTENT_TYPE));
    try {
      for (ByteBuffer piece = answer.next(); piece != null; piece = answer.next()) {
        write(false, piece);
        channel.moved();
      }
    } catch (IOException | PodflareException broken) {
      if (!events || expiredNanos == 0) {
        throw broken; // nobody shall take a part for the whole
      }
    }
    write(true, BufferUtil.EMPTY_BUFFER);
  }

  private static boolean eventStream(@Nullable String contentType) {
    String type = contentType == null ? "" : contentType.split(";", 2)[0].strip();
    return type.equalsIgnoreCase("text/event-stream");
  }

  private void write(boolean last, ByteBuffer bytes) throws IOException {
    try (Blocker.Callback written = Blocker.callback()) {
      response.write(last, bytes, written);
      written.block(); // the watcher ends it if the caller takes nothing
    }
  }

  @Override
  public void look(long nowNanos) {
    GuestChannel channel = guest;
    if (expiredNanos != 0) {
      if (nowNanos - expiredNanos > LINGER.toNanos()) {
        client.close();
      }
    } else if (channel != null && nowNanos - channel.movedNanos() > idle.toNanos()) {
      end(new PodflareException(ErrorCode.TIMED_OUT, SILENT + idle.toSeconds() + " s"));
    }
  }

  /** A stream of events ends; any other answer breaks off, and one not begun is a refusal. */
  @Override
  public void expire() {
    expiredNanos = System.nanoTime() | 1;
    PodflareException why = PortLinks.refused("the link has expired");
    if (events) {
      ended = why;
      closeGuest();
    } else {
      end(why);
    }
  }

  /** It ends by itself; the drain waits for it. */
  @Override
  public void stop() {}

  @Override
  public void cut() {
    end(new PodflareException(ErrorCode.SHUTTING_DOWN, "this node is stopping"));
  }

  private void end(PodflareException why) {
    ended = why;
    closeGuest();
    if (response.isCommitted()) {
      client.close(); // it may be waiting for a caller that takes nothing
    }
  }

  private void closeGuest() {
    GuestChannel channel = guest;
    if (channel != null) {
      channel.close();
    }
  }
}
