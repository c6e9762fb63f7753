package dev.podflare.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Map;

/**
 * The system calls that Java lacks, one method each, errors as exceptions that name the call and
 * errno. Every method says why it is needed and why it is safe. Thread-safe.
 */
final class Libc {
  /** Detail of the exceptions of this module that has the kernel's error number. */
  static final String ERRNO_DETAIL = "errno";

  static final int ESRCH = 3;
  static final int EINTR = 4;
  static final int ENXIO = 6;
  static final int EAGAIN = 11;
  static final int ENOSPC = 28;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      CAPTURE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle MEMFD_CREATE =
      function("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle FTRUNCATE =
      function("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle CLOSE =
      function("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle LSEEK =
      function("lseek", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT));
  private static final MethodHandle FCNTL =
      variadic("fcntl", 2, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle OPEN =
      variadic("open", 2, FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
  private static final MethodHandle IOCTL =
      variadic("ioctl", 2, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS));
  private static final FunctionDescriptor PROCESS_VM =
      FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle PROCESS_VM_READV = function("process_vm_readv", PROCESS_VM);
  private static final MethodHandle PROCESS_VM_WRITEV = function("process_vm_writev", PROCESS_VM);
  private static final MethodHandle PREAD =
      function("pread", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle WRITE =
      function("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle SPLICE =
      function(
          "splice",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle MKFIFO =
      function("mkfifo", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle FALLOCATE =
      function(
          "fallocate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle EPOLL_CREATE =
      function("epoll_create1", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle EPOLL_CTL =
      function("epoll_ctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle EPOLL_WAIT =
      function(
          "epoll_wait", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));

  private Libc() {}

  /**
   * Guest RAM must be a file without a name that can be sealed; Java has no such file. Safe: the
   * name is a copied string, the result a plain number that {@link Memfd} owns.
   */
  static int memfdCreate(String name, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(name);
      return (int)
          call("memfd_create", errno -> (int) MEMFD_CREATE.invokeExact(errno, text, flags));
    }
  }

  /** Sizes a memfd, which has no path for Java to open. Safe: numbers only. */
  static void ftruncate(int fd, long size) {
    call("ftruncate", errno -> (int) FTRUNCATE.invokeExact(errno, fd, size));
  }

  /** Closes what {@link #memfdCreate} or {@link #open} made. Safe: callers own the number. */
  static void close(int fd) {
    call("close", errno -> (int) CLOSE.invokeExact(errno, fd));
  }

  /** Adds seals to a memfd, or copies a descriptor to a low number. Safe: numbers only. */
  static int fcntl(int fd, int command, int argument) {
    return (int) call("fcntl", errno -> (int) FCNTL.invokeExact(errno, fd, command, argument));
  }

  /**
   * Finds data and holes of sparse files; Java cannot ask. Safe: numbers only. Returns -1 for
   * ENXIO, which is the answer "nothing behind here".
   */
  static long lseek(int fd, long offset, int whence) {
    return call("lseek", ENXIO, errno -> (long) LSEEK.invokeExact(errno, fd, offset, whence));
  }

  /** Opens a path as a bare number, for the calls that take one. Safe: the path is copied. */
  static int open(String path, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(path);
      return (int) call("open " + path, errno -> (int) OPEN.invokeExact(errno, text, flags, 0600));
    }
  }

  /**
   * Asks the kernel for page ranges (PAGEMAP_SCAN). Safe: the argument block and the vector that it
   * points to live in the caller's arena for the time of the call.
   */
  static int ioctl(int fd, long request, MemorySegment argument) {
    return (int) call("ioctl", errno -> (int) IOCTL.invokeExact(errno, fd, request, argument));
  }

  /**
   * Reads guest pages out of QEMU, many runs a call. Safe: the local vector covers only a segment
   * that outlives the call; the remote side is checked by the kernel.
   */
  static long processVmReadv(
      int pid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount) {
    return call(
        "process_vm_readv",
        errno ->
            (long)
                PROCESS_VM_READV.invokeExact(
                    errno, pid, local, localCount, remote, remoteCount, 0L));
  }

  /** Writes guest pages into QEMU. Safe for the same reasons as {@link #processVmReadv}. */
  static long processVmWritev(
      int pid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount) {
    return call(
        "process_vm_writev",
        errno ->
            (long)
                PROCESS_VM_WRITEV.invokeExact(
                    errno, pid, local, localCount, remote, remoteCount, 0L));
  }

  /** Reads at a place of a file that is known by its number. Safe: no more than the segment. */
  static long pread(int fd, MemorySegment target, long offset) {
    return call(
        "pread", errno -> (long) PREAD.invokeExact(errno, fd, target, target.byteSize(), offset));
  }

  /**
   * Moves what is in a pipe to the end of a file, so that at each moment a byte is in one of the
   * two, which Java cannot. Safe: numbers only. Returns -1 for EAGAIN, which is the answer "nothing
   * now".
   */
  static long splice(int pipe, int file, long most, int flags) {
    return call(
        "splice",
        EAGAIN,
        errno ->
            (long)
                SPLICE.invokeExact(
                    errno, pipe, MemorySegment.NULL, file, MemorySegment.NULL, most, flags));
  }

  /**
   * Writes to a descriptor that Java cannot wrap. Safe: no more than the segment's size. Returns -1
   * for EAGAIN.
   */
  static long write(int fd, MemorySegment source) {
    return call(
        "write", EAGAIN, errno -> (long) WRITE.invokeExact(errno, fd, source, source.byteSize()));
  }

  /** Makes a named pipe, which Java cannot. Safe: the path is copied. */
  static void mkfifo(String path, int mode) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(path);
      call("mkfifo " + path, errno -> (int) MKFIFO.invokeExact(errno, text, mode));
    }
  }

  /** Gives back the space of a part of a file, which Java cannot. Safe: numbers only. */
  static void fallocate(int fd, int mode, long offset, long length) {
    call("fallocate", errno -> (int) FALLOCATE.invokeExact(errno, fd, mode, offset, length));
  }

  /** Waits for many descriptors that Java's selectors do not take. Safe: numbers only. */
  static int epollCreate(int flags) {
    return (int) call("epoll_create1", errno -> (int) EPOLL_CREATE.invokeExact(errno, flags));
  }

  /** Safe: the event lives in the caller's arena; the kernel copies it. */
  static void epollCtl(int epoll, int operation, int fd, MemorySegment event) {
    call("epoll_ctl", errno -> (int) EPOLL_CTL.invokeExact(errno, epoll, operation, fd, event));
  }

  /** Safe: the segment has room for {@code most} events and outlives the call. */
  static int epollWait(int epoll, MemorySegment events, int most, int timeoutMillis) {
    return (int)
        call(
            "epoll_wait",
            errno -> (int) EPOLL_WAIT.invokeExact(errno, epoll, events, most, timeoutMillis));
  }

  /** Whether a call of this module failed with this error number. */
  static boolean failedWith(PodflareException error, int errno) {
    return Integer.valueOf(errno).equals(error.details().get(ERRNO_DETAIL));
  }

  @FunctionalInterface
  interface Call {
    long invoke(MemorySegment errno) throws Throwable;
  }

  static long call(String name, Call call) {
    return call(name, 0, call);
  }

  static long call(String name, int harmlessErrno, Call call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(CAPTURE);
      while (true) {
        long result = call.invoke(state);
        if (result >= 0) {
          return result;
        }
        int errno = (int) ERRNO.get(state, 0L);
        if (errno == EINTR) {
          continue;
        }
        if (harmlessErrno != 0 && errno == harmlessErrno) {
          return -1;
        }
        throw new PodflareException(
            ErrorCode.INTERNAL, name + " failed with errno " + errno, Map.of(ERRNO_DETAIL, errno));
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(name, e);
    }
  }

  static MethodHandle function(String name, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        descriptor,
        Linker.Option.captureCallState("errno"));
  }

  private static MethodHandle variadic(String name, int fixed, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        descriptor,
        Linker.Option.captureCallState("errno"),
        Linker.Option.firstVariadicArg(fixed));
  }
}
