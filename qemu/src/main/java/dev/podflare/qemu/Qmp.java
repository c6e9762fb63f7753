package dev.podflare.qemu;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A QMP connection: commands by {@link #execute}, events to a listener on the reader's thread
 * (which must not block). A guest cannot reach this socket, but a broken-out QEMU can, so lines and
 * waiting answers are limited. Thread-safe.
 */
final class Qmp implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int MAX_LINE = 4 << 20;

  private final SocketChannel socket;
  private final Consumer<JsonNode> events;
  private final Runnable onClosed;
  private final AtomicLong ids = new AtomicLong();
  private final ConcurrentHashMap<Long, CompletableFuture<JsonNode>> waiting =
      new ConcurrentHashMap<>();
  private final ReentrantLock writing = new ReentrantLock();
  private volatile boolean closed;

  private Qmp(SocketChannel socket, Consumer<JsonNode> events, Runnable onClosed) {
    this.socket = socket;
    this.events = events;
    this.onClosed = onClosed;
  }

  /** Connects, leaves the capabilities mode and returns. */
  static Qmp connect(Path path, Consumer<JsonNode> events, Runnable onClosed, Duration deadline)
      throws IOException {
    SocketChannel socket = SocketChannel.open(UnixDomainSocketAddress.of(path));
    Qmp qmp = new Qmp(socket, events, onClosed);
    Thread.ofVirtual().name("qmp " + path).start(qmp::read);
    try {
      qmp.execute("qmp_capabilities", Map.of(), deadline);
    } catch (RuntimeException e) {
      qmp.close();
      throw e;
    }
    return qmp;
  }

  /** Runs a command and returns its {@code return} value. */
  JsonNode execute(String command, Map<String, ?> arguments, Duration deadline) {
    long id = ids.incrementAndGet();
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    waiting.put(id, answer);
    try {
      if (closed) {
        throw gone(command, null);
      }
      send(Map.of("execute", command, "arguments", arguments, "id", id), command);
      JsonNode reply = AwakeTime.get(answer, deadline);
      JsonNode error = reply.get("error");
      if (error != null) {
        throw new PodflareException(
            ErrorCode.MACHINE_FAILED, command + ": " + error.path("desc").asString());
      }
      return reply.path("return");
    } catch (TimeoutException e) {
      throw new PodflareException(
          ErrorCode.TIMED_OUT, "QEMU did not answer " + command + " within " + deadline, e);
    } catch (ExecutionException e) {
      throw gone(command, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.TIMED_OUT, "interrupted during " + command, e);
    } finally {
      waiting.remove(id);
    }
  }

  private void send(Map<String, ?> message, String command) {
    ByteBuffer bytes =
        ByteBuffer.wrap((JSON.writeValueAsString(message) + "\n").getBytes(StandardCharsets.UTF_8));
    writing.lock();
    try {
      while (bytes.hasRemaining()) {
        socket.write(bytes);
      }
    } catch (IOException e) {
      close(); // nothing more can be said to it: the reader need not find out first
      throw gone(command, e);
    } finally {
      writing.unlock();
    }
  }

  private static PodflareException gone(String command, @Nullable Throwable cause) {
    return new PodflareException(
        ErrorCode.MACHINE_FAILED, "QEMU is gone (during " + command + ")", cause);
  }

  private void read() {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(Channels.newInputStream(socket), StandardCharsets.UTF_8))) {
      StringBuilder line = new StringBuilder();
      int character;
      while ((character = lines.read()) >= 0) {
        if (character == '\n') {
          dispatch(JSON.readTree(line.toString()));
          line.setLength(0);
        } else if (line.length() < MAX_LINE) {
          line.append((char) character);
        } else {
          return;
        }
      }
    } catch (IOException | JacksonException e) {
      // The end of the connection, whatever ended it, is told below.
    } finally {
      close();
      onClosed.run();
    }
  }

  private void dispatch(JsonNode message) {
    if (message.has("event")) {
      events.accept(message);
    } else if (message.has("id")) {
      CompletableFuture<JsonNode> answer = waiting.get(message.get("id").asLong());
      if (answer != null) {
        answer.complete(message);
      }
    }
  }

  /** False before anybody is told that QEMU is gone. */
  boolean isOpen() {
    return !closed;
  }

  @Override
  public void close() {
    closed = true;
    try {
      socket.close();
    } catch (IOException e) {
      // Nothing more to free.
    }
    IOException end = new IOException("QMP connection closed");
    waiting.values().forEach(answer -> answer.completeExceptionally(end));
  }
}
