package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.StandardProtocolFamily;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Opens sockets on an executor whose threads stand in the host's network namespace. A socket
 * belongs to the namespace of the thread that made it, whoever uses it later. Thread-safe if the
 * executor is.
 */
final class HostSockets {
  private static final long SECONDS = 5;

  private final Executor namespace;

  /**
   * @param namespace {@code Runnable::run} for the daemon's own namespace
   */
  HostSockets(Executor namespace) {
    this.namespace = namespace;
  }

  SocketChannel stream(InetAddress to) throws IOException {
    return open(() -> SocketChannel.open(family(to)));
  }

  ServerSocketChannel listener(InetAddress on) throws IOException {
    return open(() -> ServerSocketChannel.open(family(on)));
  }

  DatagramChannel datagrams(InetAddress with) throws IOException {
    return open(() -> DatagramChannel.open(family(with)));
  }

  /** IPv4 needs sockets of its own kind: the kernel tells original destinations to no other. */
  private static StandardProtocolFamily family(InetAddress address) {
    return address instanceof Inet4Address
        ? StandardProtocolFamily.INET
        : StandardProtocolFamily.INET6;
  }

  private <T extends AutoCloseable> T open(Callable<T> opening) throws IOException {
    CompletableFuture<T> socket = new CompletableFuture<>();
    namespace.execute(() -> complete(socket, opening));
    try {
      return socket.get(SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new IOException("cannot open a socket: " + e.getCause(), e);
    } catch (TimeoutException e) {
      socket.cancel(false);
      throw new IOException("no socket within " + SECONDS + " s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      socket.cancel(false);
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted while opening a socket", e);
    }
  }

  private static <T extends AutoCloseable> void complete(
      CompletableFuture<T> socket, Callable<T> opening) {
    try {
      T opened = opening.call();
      if (!socket.complete(opened)) {
        opened.close();
      }
    } catch (Exception e) {
      socket.completeExceptionally(e);
    }
  }
}
