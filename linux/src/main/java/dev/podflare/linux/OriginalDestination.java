package dev.podflare.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.Method;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import java.util.Optional;

/**
 * Where a connection was meant to go before the packet filter redirected it here.
 *
 * <p>The kernel tells this for a descriptor, and Java keeps its descriptors to itself. They are
 * read by reflection, for which the Java virtual machine needs {@code --add-exports
 * java.base/sun.nio.ch=ALL-UNNAMED} at run time. Sockets made by hand would need no such option,
 * but would block the carriers of virtual threads; a look-up in the kernel's connection table costs
 * a netlink round trip and can meet another connection's entry. Thread-safe.
 */
public final class OriginalDestination {
  private static final MethodHandle GETSOCKOPT =
      Libc.function(
          "getsockopt",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
  private static final int SOL_IP = 0;
  private static final int SOL_IPV6 = 41;
  private static final int SO_ORIGINAL_DST = 80;
  private static final int SOCKADDR_IN = 16;
  private static final int SOCKADDR_IN6 = 28;
  private static final int ENOENT = 2;

  private OriginalDestination() {}

  /**
   * Checks that this Java lets descriptors be read.
   *
   * @throws PodflareException {@code host_not_ready}, with the missing option
   */
  public static void requireAvailable() {
    try (SocketChannel channel = SocketChannel.open()) {
      descriptor(channel);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.HOST_NOT_READY, "cannot open a socket", e);
    }
  }

  /**
   * Asks for an accepted connection. The caller must be the only one that can close the channel.
   *
   * @return empty if the connection is not tracked; the address that was connected to if it was not
   *     redirected
   */
  public static Optional<InetSocketAddress> of(SocketChannel channel) {
    InetAddress mine = channel.socket().getLocalAddress();
    return mine instanceof Inet4Address
        ? ask(descriptor(channel), SOL_IP, SOCKADDR_IN)
        : ask(descriptor(channel), SOL_IPV6, SOCKADDR_IN6);
  }

  /**
   * Safe: the kernel writes at most the given size into the segment, and the descriptor is open as
   * long as the caller keeps the channel.
   */
  private static Optional<InetSocketAddress> ask(int fd, int level, int length) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = arena.allocate(length, 4);
      MemorySegment size = arena.allocateFrom(JAVA_INT, length);
      long result =
          Libc.call(
              "getsockopt",
              ENOENT,
              errno ->
                  (int) GETSOCKOPT.invokeExact(errno, fd, level, SO_ORIGINAL_DST, address, size));
      return result < 0 ? Optional.empty() : Optional.of(read(address));
    }
  }

  private static InetSocketAddress read(MemorySegment address) {
    byte[] bytes = address.toArray(JAVA_BYTE);
    int port = ((bytes[2] & 0xff) << 8) | (bytes[3] & 0xff);
    // sockaddr_in has the address at 4, sockaddr_in6 after its flow label at 8
    byte[] number =
        bytes.length == SOCKADDR_IN
            ? Arrays.copyOfRange(bytes, 4, 8)
            : Arrays.copyOfRange(bytes, 8, 24);
    try {
      return new InetSocketAddress(InetAddress.getByAddress(number), port);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  private static int descriptor(SocketChannel channel) {
    try {
      return (int) Reflected.DESCRIPTOR.invoke(channel);
    } catch (ReflectiveOperationException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY,
          "this Java hides the descriptors of sockets; start it with --add-exports"
              + " java.base/sun.nio.ch=ALL-UNNAMED",
          e);
    }
  }

  /** Apart, so that it is looked for only where it is needed. */
  private static final class Reflected {
    static final Method DESCRIPTOR = find();

    private static Method find() {
      try {
        return Class.forName("sun.nio.ch.SelChImpl").getMethod("getFDVal");
      } catch (ReflectiveOperationException e) {
        throw new PodflareException(
            ErrorCode.HOST_NOT_READY, "this Java has no descriptors of sockets to read", e);
      }
    }
  }
}
