package dev.podflare.network;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
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

  private final SocketChannel server;
  private final Outflow toClient;
  private final Outflow toServer;
  private final GateConfig config;
  private final Runnable moved;
  private final Runnable cut;
  private final CompletableFuture<Boolean> switched = new CompletableFuture<>();

  Relay(
      SocketChannel client, SocketChannel server, GateConfig config, Runnable moved, Runnable cut) {
    this.server = server;
    this.toClient = new Outflow(client, moved);
    this.toServer = new Outflow(server, moved);
    this.config = config;
    this.moved = moved;
    this.cut = cut;
  }

  /** Relays until both directions have ended; false if the connection is to be reset. */
  boolean run(Work work) throws IOException {
    Thread answers = Thread.ofVirtual().name("gate-answers").start(this::carryAnswers);
    boolean clean = false;
    try {
      clean = work.carry(this);
      if (clean) {
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
    return requests.pass(head, toServer, allowed, switched::join);
  }

  private void carryAnswers() {
    try (Arena arena = Arena.ofConfined()) {
      ByteBuffer buffer = arena.allocate(config.buffer().bytes()).asByteBuffer();
      StringBuilder status = new StringBuilder();
      while (server.read(buffer.clear()) >= 0) {
        moved.run();
        buffer.flip();
        if (!switched.isDone()) {
          status(buffer, status);
        }
        toClient.write(buffer);
      }
      toClient.end();
    } catch (IOException e) {
      LOG.debug("a relay ended: {}", e.toString());
      cut.run();
    } finally {
      switched.complete(false);
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
