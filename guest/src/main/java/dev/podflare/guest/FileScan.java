package dev.podflare.guest;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Lists files of a guest through its own file system, so what only the page cache has is seen, then
 * looks into some of them. The steps in order: {@link #list}, {@link #look}, {@link #close}. One
 * thread.
 */
public final class FileScan implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String CODE =
      "exec python3 -IS -c 'import sys; sys.path.insert(0, \"/usr/lib/podflare\");"
          + " from podflare_guest.scan import main; main()'";

  /** Of one guest. */
  public static final int MOST_ENTRIES = 100_000;

  private static final long MOST_BYTES = 48L << 20;

  /**
   * What is in a file.
   *
   * @param sha256 hex
   * @param text if it is UTF-8 without NUL and was not too long
   */
  public record Content(String sha256, Optional<String> text) {}

  private final BlockingQueue<Optional<byte[]>> said = new LinkedBlockingQueue<>();
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final GuestExec exec;
  private final long deadline;
  private long bytes;

  private FileScan(AgentChannel channel, List<String> paths, Duration patience) {
    deadline = AwakeTime.nanos() + patience.toNanos();
    String request = JSON.writeValueAsString(Map.of("paths", paths, "most", MOST_ENTRIES));
    exec =
        channel.exec(
            new ExecCommand(
                GuestLanguage.BASH,
                CODE,
                Optional.empty(),
                Map.of("PODFLARE_SCAN", request),
                true,
                false,
                ExecCommand.DEFAULT_WINDOW),
            new Listener());
  }

  /** Starts it; all of it must be over within {@code patience}. */
  public static FileScan start(AgentChannel channel, List<String> paths, Duration patience) {
    return new FileScan(channel, paths, patience);
  }

  /** {@code PAYLOAD_TOO_LARGE} if there are more than {@link #MOST_ENTRIES}. */
  public Map<String, FileEntry> list() {
    Map<String, FileEntry> entries = new LinkedHashMap<>();
    lines(node -> {
      if (entries.size() >= MOST_ENTRIES) {
        throw tooMuch("more than " + MOST_ENTRIES + " files");
      }
      FileEntry entry = entry(entries.size(), node);
      entries.put(entry.path(), entry);
    });
    return entries;
  }

  /**
   * Contents of entries by their index; those that are gone are left out.
   *
   * @param textLimit bytes of the longest text that is wanted
   */
  public Map<Integer, Content> look(List<Integer> indices, int textLimit) {
    String order = JSON.writeValueAsString(List.of(indices, textLimit)) + "\n";
    try {
      exec.stdin(order.getBytes(StandardCharsets.UTF_8));
      exec.stdinEnd();
    } catch (PodflareException e) {
      throw e.code() == ErrorCode.STDIN_CLOSED ? failed("no end") : e;
    }
    Map<Integer, Content> contents = new LinkedHashMap<>();
    lines(node ->
        contents.put(
            node.path(0).asInt(-1),
            new Content(
                node.path(1).asString(""),
                node.path(2).isString()
                    ? Optional.of(node.path(2).stringValue())
                    : Optional.empty())));
    return contents;
  }

  private static FileEntry entry(int index, JsonNode node) {
    return new FileEntry(
        index,
        node.path(0).asString(""),
        node.path(1).asString("other"),
        node.path(2).asLong(0),
        node.path(3).asInt(0),
        node.path(4).asLong(0),
        node.path(5).asLong(0),
        node.path(6).asLong(0),
        node.path(7).isString() ? Optional.of(node.path(7).stringValue()) : Optional.empty());
  }

  /** Hands on all lines up to a {@code null}. */
  private void lines(Consumer<JsonNode> taker) {
    while (true) {
      byte[] block = next();
      int start = 0;
      for (int i = 0; i < block.length; i++) {
        if (block[i] == '\n') {
          line.write(block, start, i - start);
          start = i + 1;
          JsonNode node = parse();
          if (node.isNull()) {
            return; // nothing follows it: the guest waits for an order, or ends
          }
          taker.accept(node);
        }
      }
      line.write(block, start, block.length - start);
    }
  }

  private JsonNode parse() {
    try {
      JsonNode node = JSON.readTree(line.toByteArray());
      line.reset();
      if (!node.isNull() && !node.isArray()) {
        throw failed("a line that is no list");
      }
      return node;
    } catch (JacksonException e) {
      throw failed("a line that is no JSON");
    }
  }

  private long left() {
    return deadline - AwakeTime.nanos();
  }

  private byte[] next() {
    try {
      Optional<byte[]> block = said.poll(left(), TimeUnit.NANOSECONDS);
      while (block == null && left() > 0) {
        block = said.poll(left(), TimeUnit.NANOSECONDS);
      }
      if (block == null) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT, "the guest's files were not looked through in time");
      }
      if (block.isEmpty()) {
        throw failed("no end");
      }
      bytes += block.get().length;
      if (bytes > MOST_BYTES) {
        throw tooMuch("lists of more than " + MOST_BYTES + " bytes");
      }
      exec.acknowledge(block.get().length);
      return block.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
  }

  private static PodflareException tooMuch(String what) {
    return new PodflareException(
        ErrorCode.PAYLOAD_TOO_LARGE, what + " to compare; name narrower paths");
  }

  private static PodflareException failed(String what) {
    return new PodflareException(ErrorCode.MACHINE_FAILED, "the guest's list of files has " + what);
  }

  /** Ends the guest's part, wherever it is. */
  @Override
  public void close() {
    exec.signal(GuestSignal.KILL);
  }

  private final class Listener implements ExecListener {
    @Override
    public void output(GuestStream stream, byte[] block) {
      if (stream == GuestStream.STDOUT) {
        said.add(Optional.of(block)); // no more than the window: it is acknowledged when taken
      }
    }

    @Override
    public void done(int code, DoneReason reason, Optional<String> message) {
      said.add(Optional.empty());
    }

    @Override
    public void lost() {
      said.add(Optional.empty());
    }
  }
}
