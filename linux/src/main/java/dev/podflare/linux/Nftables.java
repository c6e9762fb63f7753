package dev.podflare.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Map;

/**
 * The packet filter of one network namespace, through libnftables: what the {@code nft} command
 * takes, without a process. The commands of one call are one transaction: all of them or none, and
 * no packet sees half of them. Belongs to the namespace of the thread that opened it. Thread-safe:
 * one call at a time.
 */
public final class Nftables implements AutoCloseable {
  private static final String LIBRARY = "libnftables.so.1";
  private static final int ATTEMPTS = 5;
  private static final int OUTPUT_HANDLES = 1 << 3;

  private final MemorySegment context;
  private boolean closed;

  private Nftables(MemorySegment context) {
    this.context = context;
  }

  /**
   * Of the calling thread's network namespace.
   *
   * @throws PodflareException {@code host_not_ready} when the library is missing, {@code host_full}
   *     when it could not wait for the kernel: see {@link LowDescriptors}
   */
  public static Nftables open() {
    Library library = Library.get();
    MemorySegment context =
        LowDescriptors.get()
            .opening(() -> (MemorySegment) invoke(() -> library.create().invoke(0)));
    if (context.equals(MemorySegment.NULL)) {
      throw new PodflareException(ErrorCode.INTERNAL, "nft_ctx_new failed");
    }
    invoke(() -> library.bufferOutput().invoke(context));
    invoke(() -> library.bufferError().invoke(context));
    return new Nftables(context);
  }

  /**
   * Runs commands, one a line, and answers what they print.
   *
   * @throws PodflareException {@code internal} with the library's words; then nothing was changed
   */
  public synchronized String run(String commands) {
    if (closed) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "the packet filter is closed");
    }
    String error = "";
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt(commands) == 0) {
        return text(Library.get().output());
      }
      error = text(Library.get().error());
      text(Library.get().output());
      if (!passing(error)) {
        break;
      }
    }
    throw new PodflareException(
        ErrorCode.INTERNAL, "nftables refused: " + error.strip(), Map.of("commands", commands));
  }

  /** Like {@link #run}, and says each object's handle, by which rules are deleted. */
  public synchronized String listWithHandles(String command) {
    invoke(() -> Library.get().outputFlags().invoke(context, OUTPUT_HANDLES));
    try {
      return run(command);
    } finally {
      invoke(() -> Library.get().outputFlags().invoke(context, 0));
    }
  }

  /** Another program changed its rules at the same time. */
  private static boolean passing(String error) {
    return error.contains("Interrupted system call")
        || error.contains("Resource temporarily unavailable")
        || error.contains("cache initialization failed");
  }

  private int attempt(String commands) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(commands);
      return (int) invoke(() -> Library.get().run().invoke(context, text));
    }
  }

  /** Reading a buffer also empties it. */
  private String text(MethodHandle buffer) {
    MemorySegment text = (MemorySegment) invoke(() -> buffer.invoke(context));
    return text.equals(MemorySegment.NULL) ? "" : text.reinterpret(Integer.MAX_VALUE).getString(0);
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      invoke(() -> Library.get().free().invoke(context));
    }
  }

  private interface Call {
    Object invoke() throws Throwable;
  }

  private static Object invoke(Call call) {
    try {
      return call.invoke();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("libnftables", e);
    }
  }

  /**
   * Needed because Java has no netfilter; the library's text is the documented interface, the
   * netlink messages behind it are not. Safe: contexts are made and freed here, never used by two
   * threads at once, strings are copied in, and what comes back ends with a zero and is copied out
   * before the next call.
   */
  private record Library(
      MethodHandle create,
      MethodHandle free,
      MethodHandle run,
      MethodHandle bufferOutput,
      MethodHandle bufferError,
      MethodHandle output,
      MethodHandle error,
      MethodHandle outputFlags) {

    private static final class Holder {
      private static final Library LOADED = load();
    }

    static Library get() {
      try {
        return Holder.LOADED;
      } catch (LinkageError e) {
        throw new PodflareException(
            ErrorCode.HOST_NOT_READY,
            LIBRARY + " is not installed; install the Debian package libnftables1",
            e);
      }
    }

    private static Library load() {
      SymbolLookup symbols = SymbolLookup.libraryLookup(LIBRARY, Arena.global());
      FunctionDescriptor flag = FunctionDescriptor.of(JAVA_INT, ADDRESS);
      FunctionDescriptor text = FunctionDescriptor.of(ADDRESS, ADDRESS);
      return new Library(
          handle(symbols, "nft_ctx_new", FunctionDescriptor.of(ADDRESS, JAVA_INT)),
          handle(symbols, "nft_ctx_free", FunctionDescriptor.ofVoid(ADDRESS)),
          handle(
              symbols,
              "nft_run_cmd_from_buffer",
              FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS)),
          handle(symbols, "nft_ctx_buffer_output", flag),
          handle(symbols, "nft_ctx_buffer_error", flag),
          handle(symbols, "nft_ctx_get_output_buffer", text),
          handle(symbols, "nft_ctx_get_error_buffer", text),
          handle(
              symbols, "nft_ctx_output_set_flags", FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT)));
    }

    private static MethodHandle handle(
        SymbolLookup symbols, String name, FunctionDescriptor descriptor) {
      return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), descriptor);
    }
  }
}
