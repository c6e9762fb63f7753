package dev.podflare.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.podflare.common.PodflareException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The system calls about namespaces and netlink sockets, in the manner of {@link Libc}: each says
 * why it is needed and why it is safe. Thread-safe.
 */
final class NetworkCalls {
  private static final MethodHandle SOCKET =
      Libc.function("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle BIND =
      Libc.function("bind", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle SETSOCKOPT =
      Libc.function(
          "setsockopt",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle SEND =
      Libc.function(
          "send", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle RECV =
      Libc.function(
          "recv", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle UNSHARE =
      Libc.function("unshare", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle SETNS =
      Libc.function("setns", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle MOUNT =
      Libc.function(
          "mount", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS));
  private static final MethodHandle UMOUNT2 =
      Libc.function("umount2", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));

  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW_CLOEXEC = 3 | 02000000;
  private static final int SOL_SOCKET = 1;
  private static final int SO_RCVTIMEO = 20;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int CLONE_NEWNET = 0x40000000;
  private static final int MS_BIND = 4096;
  private static final int MNT_DETACH = 2;
  private static final int EINVAL = 22;
  private static final int ENOENT = 2;
  private static final int EAGAIN = 11;

  private NetworkCalls() {}

  /**
   * A netlink socket of the calling thread's network namespace; Java has no such family. Safe:
   * numbers and a copied structure; the caller owns the result.
   */
  static int netlinkSocket(int protocol, int receiveBuffer, long receiveTimeoutSeconds) {
    int fd =
        (int)
            Libc.call(
                "socket",
                errno -> (int) SOCKET.invokeExact(errno, AF_NETLINK, SOCK_RAW_CLOEXEC, protocol));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = arena.allocate(12);
      address.set(JAVA_SHORT, 0, (short) AF_NETLINK);
      Libc.call("bind", errno -> (int) BIND.invokeExact(errno, fd, address, 12));
      MemorySegment timeout = arena.allocateFrom(JAVA_LONG, receiveTimeoutSeconds, 0);
      setOption(fd, SO_RCVTIMEO, timeout, 16);
      setOption(fd, SO_RCVBUFFORCE, arena.allocateFrom(JAVA_INT, receiveBuffer), 4);
      return fd;
    } catch (RuntimeException e) {
      Libc.close(fd);
      throw e;
    }
  }

  private static void setOption(int fd, int option, MemorySegment value, int size) {
    Libc.call(
        "setsockopt",
        errno -> (int) SETSOCKOPT.invokeExact(errno, fd, SOL_SOCKET, option, value, size));
  }

  /** Sends one netlink datagram. Safe: the kernel reads within the segment's bounds. */
  static void send(int fd, MemorySegment bytes) {
    long size = bytes.byteSize();
    Libc.call("send", errno -> (long) SEND.invokeExact(errno, fd, bytes, size, 0));
  }

  /**
   * Receives one netlink datagram; -1 when the socket's time is over. Safe: the kernel writes
   * within the segment's bounds.
   */
  static long receive(int fd, MemorySegment buffer) {
    long size = buffer.byteSize();
    return Libc.call("recv", EAGAIN, errno -> (long) RECV.invokeExact(errno, fd, buffer, size, 0));
  }

  /**
   * Gives the calling thread a network namespace of its own. Safe: concerns this thread alone,
   * which {@link NamespaceThread} owns.
   */
  static void unshareNetwork() {
    Libc.call("unshare", errno -> (int) UNSHARE.invokeExact(errno, CLONE_NEWNET));
  }

  /** Moves the calling thread into a network namespace. Safe for the reason above. */
  static void enterNetwork(int fd) {
    Libc.call("setns", errno -> (int) SETNS.invokeExact(errno, fd, CLONE_NEWNET));
  }

  /** Keeps a namespace alive under a path. Safe: strings are copied. */
  static void bindMount(String source, String target) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocateFrom(source);
      MemorySegment to = arena.allocateFrom(target);
      MemorySegment none = MemorySegment.NULL;
      Libc.call(
          "mount " + target,
          errno -> (int) MOUNT.invokeExact(errno, from, to, none, (long) MS_BIND, none));
    }
  }

  /** Takes a bind mount away, also a busy one. Answers false if there was none. Safe as above. */
  static boolean unmount(String target) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment path = arena.allocateFrom(target);
      Libc.call("umount " + target, errno -> (int) UMOUNT2.invokeExact(errno, path, MNT_DETACH));
      return true;
    } catch (PodflareException e) {
      if (Libc.failedWith(e, EINVAL) || Libc.failedWith(e, ENOENT)) {
        return false;
      }
      throw e;
    }
  }
}
