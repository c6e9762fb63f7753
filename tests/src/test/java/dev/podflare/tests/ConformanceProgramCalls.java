package dev.podflare.tests;

import static dev.podflare.tests.ConformanceCalls.nothing;

import dev.podflare.client.ProcessListener;
import dev.podflare.client.ProcessOptions;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxProcess;
import dev.podflare.client.TerminalListener;
import dev.podflare.client.TerminalOptions;
import dev.podflare.tests.ConformanceCalls.Given;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The calls of processes and terminals of one sandbox. One thread. */
final class ConformanceProgramCalls {
  private static final Duration USUAL = Duration.ofSeconds(30);
  private static final Duration ALWAYS = Duration.ofHours(1);

  private final Sandbox box;

  ConformanceProgramCalls(Sandbox box) {
    this.box = box;
  }

  @Nullable Object call(String name, Given a) {
    return switch (name) {
      case "start_process" -> Map.of("process_id", box.startProcess(program(a)).id());
      case "processes" -> box.processes();
      case "process" -> process(a).info();
      case "guest_processes" -> box.guestProcesses().guest();
      case "signal_process" ->
          nothing(() -> process(a).signal(a.text("signal"), a.flag("group").orElse(true)));
      case "end_process" -> nothing(() -> process(a).end());
      case "wait_process" -> process(a).await(a.seconds("timeout_seconds").orElse(ALWAYS));
      case "write_process" -> nothing(() -> write(process(a), a));
      case "process_logs" -> logs(process(a), a);
      case "wait_for_port" ->
          box.awaitPort(
              a.number("port").orElseThrow(),
              a.seconds("timeout_seconds").orElse(USUAL),
              a.maybe("process"));
      case "wait_for_log" -> line(process(a), a);
      case "open_terminal" -> Map.of("pty_id", box.openTerminal(terminal(a)).id());
      case "type_terminal" ->
          nothing(() ->
              box.terminal(a.text("pty")).input(a.text("data").getBytes(StandardCharsets.UTF_8)));
      case "resize_terminal" ->
          nothing(() ->
              box.terminal(a.text("pty"))
                  .resize(a.number("cols").orElseThrow(), a.number("rows").orElseThrow()));
      case "kill_terminal" -> nothing(() -> box.terminal(a.text("pty")).kill());
      case "wait_terminal" -> followed(a);
      case "terminals" -> box.terminals();
      default -> throw new AssertionError("there is no call " + name);
    };
  }

  private SandboxProcess process(Given a) {
    return box.process(a.text("process"));
  }

  private static ProcessOptions program(Given a) {
    ProcessOptions line =
        a.needed("cmd") instanceof String text
            ? ProcessOptions.command(text)
            : ProcessOptions.of(a.words("cmd").toArray(String[]::new));
    return new ProcessOptions(
        line.argv(),
        a.maybe("name"),
        a.maybe("cwd"),
        a.texts("env").orElse(Map.of()),
        a.flag("stdin_open").orElse(false),
        a.seconds("timeout_seconds"),
        a.flag("keeps_awake").orElse(true));
  }

  private static void write(SandboxProcess process, Given a) {
    a.maybe("data").ifPresent(it -> process.input(it.getBytes(StandardCharsets.UTF_8)));
    if (a.flag("eof").orElse(false)) {
      process.closeInput();
    }
  }

  private static List<Map<String, Object>> logs(SandboxProcess process, Given a) {
    Events events = new Events();
    long from = a.number("from_seq").orElse(0);
    long next =
        a.flag("follow").orElse(false) ? process.follow(from, events) : process.log(from, events);
    if (!events.all.isEmpty() && next <= events.last) {
      throw new AssertionError("the next event is " + next + " after " + events.all);
    }
    return events.all;
  }

  private static Object line(SandboxProcess process, Given a) {
    Duration patience = a.seconds("timeout_seconds").orElse(USUAL);
    Optional<String> pattern = a.maybe("pattern");
    return pattern.isPresent()
        ? process.awaitLine(pattern.get(), patience)
        : process.awaitText(a.text("text"), a.number("from_seq").orElse(0), patience);
  }

  private static TerminalOptions terminal(Given a) {
    TerminalOptions line =
        a.needed("cmd") instanceof String text
            ? TerminalOptions.command(text)
            : TerminalOptions.shell().withArgv(a.words("cmd"));
    return new TerminalOptions(
        line.argv(),
        a.number("cols").orElse(80),
        a.number("rows").orElse(24),
        a.texts("env").orElse(Map.of()),
        a.maybe("cwd"));
  }

  private Map<String, Object> followed(Given a) {
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    TerminalListener listener = output::writeBytes;
    int code = box.terminal(a.text("pty")).follow(listener);
    return Map.of("exit_code", code, "output", output.toString(StandardCharsets.UTF_8));
  }

  /** What a log says, as the scripts have it. */
  private static final class Events implements ProcessListener {
    final List<Map<String, Object>> all = new ArrayList<>();
    long last = -1;

    private Map<String, Object> add(String type, Object data, long seq) {
      Map<String, Object> event = new HashMap<>(Map.of("type", type, "data", data, "seq", seq));
      all.add(event);
      last = seq;
      return event;
    }

    @Override
    public void started(long seq, String processId) {
      add("started", processId, seq);
    }

    @Override
    public void stdout(long seq, byte[] bytes) {
      add("stdout", new String(bytes, StandardCharsets.UTF_8), seq);
    }

    @Override
    public void stderr(long seq, byte[] bytes) {
      add("stderr", new String(bytes, StandardCharsets.UTF_8), seq);
    }

    @Override
    public void skipped(long seq, long count) {
      add("skipped", count, seq);
    }

    @Override
    public void exited(long seq, int code, String reason) {
      add("exit", code, seq).put("reason", reason);
    }
  }
}
