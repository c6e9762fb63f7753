package dev.podflare.network;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Two directions, a thread and a buffer each: the caller's thread carries the client's bytes,
 * another one the server's. An end of one direction is passed on as such and the other goes on.
 * Nothing is read before what was read has been written, so a slow reader holds its writer back.
 */
final class Relay {
  private static final Logger LOG = LoggerFactory.getLogger(Relay.class);
  private static final int STATUS = "HTTP/1.1 101".length();

  /** Makes watches. */
  record Clock(ScheduledExecutorService timer) {
    IdleWatch watch(Duration time, Runnable end) {
      return IdleWatch.start(timer, time, end);
    }
  }

  /** Carries the client's direction. */
  @FunctionalInterface
  interface Work {
    /** False if the connection is to be reset. */
    boolean carry(Relay relay) throws IOException;
  }

  /** Carries the server's direction. */
  @FunctionalInterface
  interface Answers {
    /**
     * Passes on all that the server says.
     *
     * @param switched to be told whether an upgrade was taken
     */
    void carry(Inflow server, Outflow client, Consumer<Boolean> switched) throws IOException;
  }

  private final GateChannel server;
  private final Outflow toClient;
  private final Outflow toServer;
  private final GateConfig config;
  private final Runnable moved;
  private final Runnable cut;
  private final CompletableFuture<Boolean> switched = new CompletableFuture<>();

  /** Whether the server's direction ended well, once it has. */
  private final CompletableFuture<Boolean> answered = new CompletableFuture<>();

  Relay(GateChannel client, GateChannel server, GateConfig config, Runnable moved, Runnable cut) {
    this.server = server;
    this.toClient = new Outflow(client, moved);
    this.toServer = new Outflow(server, moved);
    this.config = config;
    this.moved = moved;
    this.cut = cut;
  }

  /** Relays until both directions have ended; false if the connection is to be reset. */
  boolean run(Work work) throws IOException {
    return run(work, this::asTheyAre);
  }

  /** The same with answers that are passed on in another way. */
  boolean run(Work work, Answers way) throws IOException {
    Thread answers = Thread.ofVirtual().name("gate-answers").start(() -> carryAnswers(way));
    boolean clean = false;
    try {
      clean = work.carry(this);
      if (clean && !answered.isDone()) {
        toServer.end();
      }
      return clean;
    } finally {
      if (!clean) {
        cut.run();
      }
      join(answers);
    }
  }

  private static void join(Thread answers) {
    try {
      // Ends by the idle watch at the latest.
      answers.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Passes on whatever the client says. */
  boolean pass(Inflow in) throws IOException {
    in.passAll(toServer);
    return true;
  }

  /** Passes on requests, each after it was checked; false if one was not allowed. */
  boolean passHttp(HttpRequests requests, HttpHead head, Predicate<HttpHead> allowed)
      throws IOException {
    return passHttp(requests, head, allowed, HttpRequests.Heads.AS_THEY_ARE);
  }

  /** The same with heads that are written in another way. */
  boolean passHttp(
      HttpRequests requests, HttpHead head, Predicate<HttpHead> allowed, HttpRequests.Heads heads)
      throws IOException {
    return requests.pass(head, toServer, allowed, heads, switched::join);
  }

  /** Passes on one request, and waits until the server has answered it and ended. */
  boolean passLast(HttpRequests requests, HttpHead head, HttpRequests.Heads heads)
      throws IOException {
    boolean ignored = requests.passOne(head, toServer, heads, switched::join);
    // A server that was asked for a WebSocket was not told that this is the last request.
    return head.webSocket() || answered.join();
  }

  private void carryAnswers(Answers way) {
    boolean whole = false;
    try (Arena arena = Arena.ofConfined()) {
      ByteBuffer buffer = arena.allocate(config.buffer().bytes()).asByteBuffer();
      way.carry(new Inflow(watched(), buffer), toClient, switched::complete);
      toClient.end();
      whole = true;
    } catch (IOException e) {
      LOG.debug("a relay ended: {}", e.toString());
      cut.run();
    } finally {
      switched.complete(false);
      answered.complete(whole);
    }
  }

  /** The server, whose bytes are a sign of life. */
  private GateChannel watched() {
    return new GateChannel() {
      @Override
      public int read(ByteBuffer buffer) throws IOException {
        int count = server.read(buffer);
        moved.run();
        return count;
      }

      @Override
      public int write(ByteBuffer bytes) throws IOException {
        return server.write(bytes);
      }

      @Override
      public void end() throws IOException {
        server.end();
      }
    };
  }

  private void asTheyAre(Inflow in, Outflow client, Consumer<Boolean> heard) throws IOException {
    StringBuilder status = new StringBuilder();
    while (in.more()) {
      if (!switched.isDone()) {
        status(in.seen(), status);
      }
      client.write(in.seen());
    }
  }

  /** The beginning of the first answer, which tells whether an upgrade was taken. */
  private void status(ByteBuffer bytes, StringBuilder seen) {
    int count = Math.min(bytes.remaining(), STATUS - seen.length());
    seen.append(StandardCharsets.ISO_8859_1.decode(bytes.slice(bytes.position(), count)));
    if (seen.length() == STATUS) {
      switched.complete(seen.toString().equals("HTTP/1.1 101"));
    }
  }
}
