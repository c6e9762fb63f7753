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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The calls of one machine, written down so that the next daemon can go on with them: it hears
 * again what the guest has sent from the first mark on, which gives the same events with the same
 * numbers. A mark says where in the guest's stream it is and how far each call was; there are two
 * of them at most, {@link #APART} bytes of the stream or {@link #LONG} of lines apart, and what
 * lies before the first is forgotten.
 *
 * <p>A line for each thing, appended before it is done. It is as lasting as the machine: it
 * survives the daemon, not the host. Thread-safe.
 */
final class CallJournal {
  private static final Logger LOG = LoggerFactory.getLogger(CallJournal.class);

  /** Bytes of the guest's stream between two marks: as much can be heard again, or twice that. */
  static final long APART = 1 << 20;

  /** Bytes of lines after which there is another mark, where calls are many and say little. */
  static final long LONG = 64 << 10;

  /** Bytes of an unfinished line for which a mark is put off, and how long it is. */
  private static final int MOST_HELD = 64 << 10;

  private static final int PUT_OFF = 8;

  /** Code of calls that wait, in bytes, that is written down; what is more is lost by a kill. */
  private static final long MOST_WAITING = 4L << 20;

  /** Output of a terminal or a process, and of all, that is written down with a mark. */
  private static final int MOST_RECENT = 8 << 10;

  private static final int MOST_OF_ALL = 128 << 10;

  /** Calls of the engine's own are not written down, but have numbers too. */
  private static final long UNWRITTEN = 1 << 20;

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Machine machine;
  private final Path file;
  private final Map<Long, LocalExecution> live = new LinkedHashMap<>();
  private final Map<Long, LocalTerminal> terminals = new LinkedHashMap<>();
  private final Map<String, ExecRequest> queued = new LinkedHashMap<>();
  private final long origin;
  private @Nullable FileChannel out;
  private long lastId;
  private boolean sealed;

  /** Where the last mark is in the guest's stream, and its line in the file. */
  private long marked;

  private long markLine;

  /** The next mark is due there in the stream, or when the file is so long. */
  private volatile long dueAt;

  private long dueLength;
  private volatile boolean tooLong;
  private long length;

  private CallJournal(Machine machine, long origin, long marked, long lastId) {
    this.machine = machine;
    this.file = machine.calls();
    this.origin = origin;
    this.marked = marked;
    this.dueAt = marked + APART;
    this.dueLength = LONG;
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
      @JsonProperty("stood_ms") @Nullable Long stood,
      @Nullable Ending ending,
      @Nullable TerminalState terminal) {
    static Line of(JournaledCall call) {
      return new Line(call, null, null, null, null, null);
    }

    static Line of(Queued queued) {
      return new Line(null, queued, null, null, null, null);
    }

    static Line of(Mark mark) {
      return new Line(null, null, mark, null, null, null);
    }

    static Line of(Duration stood) {
      return new Line(null, null, null, stood.toMillis(), null, null);
    }

    static Line of(Ending ending) {
      return new Line(null, null, null, null, ending, null);
    }

    static Line of(TerminalState terminal) {
      return new Line(null, null, null, null, null, terminal);
    }
  }

  /** Somebody wants the end of a call. */
  record Ending(String execution, ExecEvent.Reason reason) {}

  /**
   * A place in the guest's stream.
   *
   * @param position bytes
   * @param lastId greatest number of a call so far
   * @param calls those that run, as they are there
   * @param queued those that wait
   * @param terminals those that are open; absent in what earlier versions wrote
   */
  record Mark(
      long position,
      @JsonProperty("last_id") long lastId,
      List<JournaledCall> calls,
      List<Queued> queued,
      @Nullable List<TerminalState> terminals) {}

  /** A terminal is about to be opened in the guest, or goes on in a copy of it. */
  synchronized void begins(LocalTerminal terminal) {
    TerminalState begun = terminal.begun();
    append(Line.of(begun));
    terminals.put(begun.guestId(), terminal);
    lastId = Math.max(lastId, begun.guestId());
  }

  /** A terminal that is open already, and is in the journal. */
  synchronized void goesOn(LocalTerminal terminal) {
    terminals.put(terminal.exec().id(), terminal);
  }

  /** A call is about to be sent to the guest. */
  synchronized void begins(LocalExecution execution, GuestExec exec) {
    append(Line.of(execution.journaled(exec)));
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
    long waiting = queued.values().stream().mapToLong(ExecRequest::weight).sum();
    if (waiting + execution.request().weight() <= MOST_WAITING) {
      append(Line.of(new Queued(execution.id(), execution.request())));
      queued.put(execution.id(), execution.request());
    }
  }

  /** The machine has stood still for so long, and the times of its calls too. */
  synchronized void stood(Duration time) {
    append(Line.of(time));
  }

  /** Somebody wants the end of a call; one that waits will not run. */
  synchronized void ending(LocalExecution execution, ExecEvent.Reason why) {
    boolean waited = queued.remove(execution.id()) != null;
    if (sealed || !(waited || live.containsValue(execution))) {
      return;
    }
    try {
      append(Line.of(new Ending(execution.id(), why)));
    } catch (PodflareException e) {
      // It ends all the same; if we are killed before, somebody has to want it again.
      LOG.warn("{}: {}", execution.id(), e.sentence());
    }
  }

  /** The channel's reader has dealt with so many bytes since it was opened. */
  void taken(long bytes) {
    if (origin + bytes >= dueAt || tooLong) {
      mark(origin + bytes);
    }
  }

  private synchronized void mark(long position) {
    if (sealed) {
      return;
    }
    live.values().removeIf(LocalExecution::ended);
    terminals.values().removeIf(LocalTerminal::ended);
    int recent = recent(terminals.size());
    int recentOfCalls =
        recent((int) live.values().stream().filter(LocalExecution::isProcess).count());
    List<JournaledCall> calls = new ArrayList<>();
    for (LocalExecution execution : live.values()) {
      Optional<JournaledCall> call =
          execution.journaled(putOff(position) ? MOST_HELD : Integer.MAX_VALUE, recentOfCalls);
      if (call.isEmpty()) {
        dueAt = position + MOST_HELD; // in the midst of a long line: a little later, then
        tooLong = false;
        return;
      }
      calls.add(call.get());
    }
    List<Queued> waiting = new ArrayList<>();
    queued.forEach((id, request) -> waiting.add(new Queued(id, request)));
    String line =
        text(
            Line.of(
                new Mark(
                    position,
                    lastId,
                    calls,
                    waiting,
                    terminals.values().stream().map(it -> it.state(recent)).toList())));
    try {
      byte[] since = tail();
      replace(since, line.getBytes(StandardCharsets.UTF_8));
      markLine = since.length;
      long before = marked;
      marked = position;
      machine.forgetAgent(before);
    } catch (IOException | RuntimeException e) {
      // The older mark stays, and more can be heard again.
      LOG.debug("no mark in {}: {}", file, e.toString());
    }
    dueAt = position + APART;
    dueLength = length + LONG;
    tooLong = false;
  }

  private static int recent(int count) {
    return Math.min(MOST_RECENT, TerminalState.share(MOST_OF_ALL, count));
  }

  /** Not for ever: what is not marked takes the host's memory. */
  private boolean putOff(long position) {
    return position - marked < PUT_OFF * APART;
  }

  /** The last mark's line, and all after it. */
  private byte[] tail() throws IOException {
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(length - markLine));
      while (bytes.hasRemaining()) {
        if (in.read(bytes, markLine + bytes.position()) < 0) {
          throw new IOException("it ended at " + (markLine + bytes.position()));
        }
      }
      return bytes.array();
    } catch (NoSuchFileException nothingYet) {
      return new byte[0];
    }
  }

  private void replace(byte[] since, byte[] line) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + "~");
    try (FileChannel made =
        FileChannel.open(
            fresh,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      write(made, since);
      write(made, line);
    }
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    close();
    length = (long) since.length + line.length;
  }

  private void append(Line line) {
    if (sealed) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "this server is shutting down");
    }
    byte[] text = text(line).getBytes(StandardCharsets.UTF_8);
    try {
      FileChannel channel = out;
      if (channel == null) {
        channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        out = channel;
      }
      channel.position(length); // over what an attempt that failed has left
      write(channel, text);
      length += text.length;
      tooLong = length >= dueLength;
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_FULL, "cannot write down a call: " + e.getMessage(), e);
    }
  }

  private static void write(FileChannel channel, byte[] bytes) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    while (left.hasRemaining()) {
      channel.write(left);
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
  private synchronized void close() {
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
   * @param terminals those that were open at that place or have been opened since, likewise
   */
  record Past(
      long position,
      long lastId,
      List<JournaledCall> calls,
      List<Queued> queued,
      List<TerminalState> terminals,
      CallJournal journal) {}

  /** Reads what was written, and goes on with it. */
  static Past read(Machine machine) {
    Map<String, JournaledCall> calls = new LinkedHashMap<>();
    Map<String, Queued> waiting = new LinkedHashMap<>();
    Map<String, TerminalState> terminals = new LinkedHashMap<>();
    long position = 0;
    long marked = 0;
    long markLine = 0;
    long lastId = 0;
    long length = 0;
    for (String text : lines(machine.calls())) {
      Line line;
      try {
        line = JSON.readValue(text, Line.class);
      } catch (JacksonException cutShort) {
        break;
      }
      Mark mark = line.mark();
      if (mark != null) {
        if (length == 0) {
          position = mark.position();
          mark.calls().forEach(call -> calls.put(call.execution(), call));
          mark.queued().forEach(call -> waiting.put(call.execution(), call));
          List<TerminalState> open = mark.terminals();
          if (open != null) {
            open.forEach(it -> terminals.put(it.terminal(), it));
          }
        }
        marked = mark.position();
        markLine = length;
        lastId = Math.max(lastId, mark.lastId());
      }
      if (line.call() != null) {
        calls.put(line.call().execution(), line.call());
        waiting.remove(line.call().execution());
        lastId = Math.max(lastId, line.call().guestId());
      }
      TerminalState terminal = line.terminal();
      if (terminal != null) {
        terminals.put(terminal.terminal(), terminal);
        lastId = Math.max(lastId, terminal.guestId());
      }
      if (line.queued() != null) {
        waiting.put(line.queued().execution(), line.queued());
      }
      Ending ending = line.ending();
      if (ending != null) {
        waiting.remove(ending.execution());
        calls.computeIfPresent(ending.execution(), (id, call) -> call.ending(ending.reason()));
      }
      if (line.stood() != null) {
        Duration time = Duration.ofMillis(line.stood());
        calls.replaceAll((id, call) -> call.later(time));
      }
      length += text.getBytes(StandardCharsets.UTF_8).length + 1L;
    }
    CallJournal journal = new CallJournal(machine, position, marked, lastId + UNWRITTEN);
    journal.markLine = markLine;
    journal.length = length;
    journal.dueLength = length + LONG;
    waiting.forEach((id, call) -> journal.queued.put(id, call.request()));
    return new Past(
        position,
        lastId + UNWRITTEN,
        List.copyOf(calls.values()),
        List.copyOf(waiting.values()),
        List.copyOf(terminals.values()),
        journal);
  }

  /** Whole lines; what a kill has cut off is overwritten by the next. */
  private static List<String> lines(Path file) {
    try {
      // Leniently: a kill may have cut a character in two, in a line that does not count.
      String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
      int end = text.lastIndexOf('\n');
      return end < 0 ? List.of() : List.of(text.substring(0, end).split("\n", -1));
    } catch (NoSuchFileException noCalls) {
      return List.of();
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot read " + file, e);
    }
  }
}
