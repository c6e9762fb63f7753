package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.GuestExec;
import dev.podflare.qemu.Machine;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The calls of one machine, written down so that the next daemon can go on with them: it hears
 * again what the guest has sent from the first mark on, which gives the same events with the same
 * numbers. A mark says where in the guest's stream it is and how far each call was; there are two
 * of them at most, {@link #APART} or more apart, and what lies before the first is forgotten.
 *
 * <p>A line for each thing, appended before it is done. It is as lasting as the machine: it
 * survives the daemon, not the host. Thread-safe.
 */
final class CallJournal {
  /** Bytes of the guest's stream between two marks: as much can be heard again, or twice that. */
  static final long APART = 1 << 20;

  /** Calls of the engine's own are not written down, but have numbers too. */
  private static final long UNWRITTEN = 1 << 20;

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Machine machine;
  private final Path file;
  private final List<String> sinceMark = new ArrayList<>();
  private final Map<Long, LocalExecution> live = new LinkedHashMap<>();
  private final Map<String, ExecRequest> queued = new LinkedHashMap<>();
  private final long origin;
  private @Nullable FileChannel out;
  private long lastId;
  private long marked;
  private long nextMark;
  private boolean sealed;

  private CallJournal(Machine machine, long origin, long marked, long lastId) {
    this.machine = machine;
    this.file = machine.calls();
    this.origin = origin;
    this.marked = marked;
    this.nextMark = marked + APART;
    this.lastId = lastId;
  }

  /** Of a machine that has run no call yet. */
  static CallJournal begin(Machine machine) {
    return new CallJournal(machine, 0, 0, 0);
  }

  /** A call that waits for its turn. */
  record Queued(String execution, ExecRequest request) {}

  /** What a line says; the rest is absent. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Line(
      @Nullable JournaledCall call,
      @Nullable Queued queued,
      @Nullable Mark mark,
      @JsonProperty("stood_ms") @Nullable Long stood) {}

  /**
   * A place in the guest's stream.
   *
   * @param position bytes
   * @param lastId greatest number of a call so far
   * @param calls those that run, as they are there
   * @param queued those that wait
   */
  record Mark(
      long position,
      @JsonProperty("last_id") long lastId,
      List<JournaledCall> calls,
      List<Queued> queued) {}

  /** A call is about to be sent to the guest. */
  synchronized void begins(LocalExecution execution, GuestExec exec) {
    append(new Line(execution.journaled(exec), null, null, null));
    queued.remove(execution.id());
    live.put(exec.id(), execution);
    lastId = Math.max(lastId, exec.id());
  }

  /** A call that runs already, and is in the journal. */
  synchronized void goesOn(LocalExecution execution, GuestExec exec) {
    live.put(exec.id(), execution);
  }

  /** A call waits for its turn. */
  synchronized void waits(LocalExecution execution) {
    append(new Line(null, new Queued(execution.id(), execution.request()), null, null));
    queued.put(execution.id(), execution.request());
  }

  /** The machine has stood still for so long, and the times of its calls too. */
  synchronized void stood(Duration time) {
    append(new Line(null, null, null, time.toMillis()));
  }

  /** The channel's reader has dealt with so many bytes since it was opened. */
  void taken(long bytes) {
    if (origin + bytes >= nextMark) {
      mark(origin + bytes);
    }
  }

  private synchronized void mark(long position) {
    if (sealed) {
      return;
    }
    nextMark = position + APART;
    live.values().removeIf(LocalExecution::ended);
    List<JournaledCall> calls = new ArrayList<>();
    for (LocalExecution execution : live.values()) {
      Optional<JournaledCall> call = execution.journaled();
      if (call.isEmpty()) {
        nextMark = position + 1; // in the midst of a line: after the next frame, then
        return;
      }
      calls.add(call.get());
    }
    List<Queued> waiting = new ArrayList<>();
    queued.forEach((id, request) -> waiting.add(new Queued(id, request)));
    String line = text(new Line(null, null, new Mark(position, lastId, calls, waiting), null));
    try {
      sinceMark.add(line);
      replace();
      machine.forgetAgent(marked);
    } catch (IOException | PodflareException e) {
      sinceMark.removeLast(); // the older mark stays, and more can be heard again
      return;
    }
    sinceMark.clear();
    sinceMark.add(line);
    marked = position;
  }

  private void replace() throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + "~");
    Files.write(fresh, String.join("", sinceMark).getBytes(StandardCharsets.UTF_8));
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    close();
  }

  private void append(Line line) {
    if (sealed) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "this server is shutting down");
    }
    String text = text(line);
    sinceMark.add(text);
    try {
      FileChannel channel = out;
      if (channel == null) {
        channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        out = channel;
      }
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_FULL, "cannot write down a call: " + e.getMessage(), e);
    }
  }

  private static String text(Line line) {
    return JSON.writeValueAsString(line) + "\n";
  }

  /** From now on no call may begin here. */
  synchronized void seal() {
    sealed = true;
    close();
  }

  /** The file goes with its machine. */
  synchronized void close() {
    FileChannel channel = out;
    out = null;
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        // What was written is written.
      }
    }
  }

  /**
   * What an earlier daemon wrote.
   *
   * @param position where in the guest's stream the calls are as they are here
   * @param lastId no call has had a greater number
   * @param calls that ran at that place or have begun since; some may have ended
   * @param queued those that waited
   */
  record Past(
      long position,
      long lastId,
      List<JournaledCall> calls,
      List<Queued> queued,
      CallJournal journal) {}

  /** Reads what was written, and goes on with it. */
  static Past read(Machine machine) {
    Map<String, JournaledCall> calls = new LinkedHashMap<>();
    Map<String, Queued> waiting = new LinkedHashMap<>();
    List<String> kept = new ArrayList<>();
    long position = 0;
    long marked = 0;
    long lastId = 0;
    boolean first = true;
    for (String text : lines(machine.calls())) {
      Line line;
      try {
        line = JSON.readValue(text, Line.class);
      } catch (JacksonException cutShort) {
        break;
      }
      if (line.mark() != null) {
        Mark mark = line.mark();
        if (first) {
          position = mark.position();
          mark.calls().forEach(call -> calls.put(call.execution(), call));
          mark.queued().forEach(call -> waiting.put(call.execution(), call));
        }
        marked = mark.position();
        lastId = Math.max(lastId, mark.lastId());
        kept.clear();
      }
      if (line.call() != null) {
        calls.put(line.call().execution(), line.call());
        waiting.remove(line.call().execution());
        lastId = Math.max(lastId, line.call().guestId());
      }
      if (line.queued() != null) {
        waiting.put(line.queued().execution(), line.queued());
      }
      if (line.stood() != null) {
        Duration time = Duration.ofMillis(line.stood());
        calls.replaceAll((id, call) -> call.later(time));
      }
      kept.add(text + "\n");
      first = false;
    }
    CallJournal journal = new CallJournal(machine, position, marked, lastId + UNWRITTEN);
    journal.sinceMark.addAll(kept);
    waiting.forEach((id, call) -> journal.queued.put(id, call.request()));
    return new Past(
        position,
        lastId + UNWRITTEN,
        List.copyOf(calls.values()),
        List.copyOf(waiting.values()),
        journal);
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (NoSuchFileException noCalls) {
      return List.of();
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot read " + file, e);
    }
  }
}
