package dev.podflare.mcp;

import dev.podflare.client.OpenPort;
import dev.podflare.client.ProcessInfo;
import dev.podflare.client.ProcessListener;
import dev.podflare.client.ProcessOptions;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxProcess;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Tools for programs that run beside all else, servers for one. Thread-safe. */
final class ProcessTools {
  private static final Duration USUAL_WAIT = Duration.ofSeconds(30);
  private static final long LONGEST_WAIT = 3600;
  private static final int MOST_ARGUMENTS = 1000;

  private static final Schemas.Field PROCESS =
      Schemas.text("process", "Id of the process, or its name.");
  private static final Schemas.Field[] FIELDS = {
    Schemas.text("sandbox", "Id of the sandbox."),
    Schemas.text("process", "Id of the process."),
    Schemas.text("name", "Its name.").optional(),
    Schemas.text("command", "Program and arguments."),
    Schemas.text("state", "running or ended."),
    Schemas.number("pid", 0, "Its number in the machine."),
    Schemas.number("exit_code", 0, "If it has ended.").optional()
  };

  private final Workplace workplace;

  ProcessTools(Workplace workplace) {
    this.workplace = workplace;
  }

  List<Tool> tools() {
    return List.of(start(), list(), logs(), stop(), waitForPort());
  }

  private Tool start() {
    return new Tool(
        "start_process",
        "Start a process",
        "Start a program that runs on beside all else, a server for one; give a bash command line "
            + "or the program with its arguments.",
        Schemas.object(
            Schemas.text("command", "Command line for bash.").optional(),
            Schemas.texts("argv", MOST_ARGUMENTS, "Program and arguments.").optional(),
            Schemas.text("name", "By which it can be named later.").optional(),
            Schemas.pairs("env", "Further environment.").optional(),
            CommonFields.CWD,
            CommonFields.SANDBOX),
        Optional.of(Schemas.object(FIELDS)),
        Tool.Hints.RUNS,
        this::start);
  }

  private ToolResult start(Arguments arguments, Call call) {
    if (arguments.has("command") == arguments.has("argv")) {
      throw ToolFailure.badArgument("give either 'command' or 'argv'");
    }
    ProcessOptions options =
        arguments.has("argv")
            ? ProcessOptions.of(arguments.texts("argv", MOST_ARGUMENTS).toArray(String[]::new))
            : ProcessOptions.command(arguments.text("command"));
    options = options.withEnv(arguments.pairs("env"));
    Optional<String> name = arguments.find("name");
    if (name.isPresent()) {
      options = options.withName(name.get());
    }
    Optional<String> cwd = arguments.find("cwd");
    if (cwd.isPresent()) {
      options = options.withCwd(cwd.get());
    }
    Sandbox sandbox = workplace.sandbox(arguments);
    ProcessInfo info = sandbox.startProcess(options).info();
    return ToolResult.of("started " + shown(info), wire(sandbox, info));
  }

  private Tool list() {
    return new Tool(
        "list_processes",
        "List processes",
        "List the processes that were started, newest first.",
        Schemas.object(CommonFields.SANDBOX),
        Optional.of(
            Schemas.object(Schemas.list("processes", Schemas.object(FIELDS), "Newest first."))),
        Tool.Hints.READS,
        this::list);
  }

  private ToolResult list(Arguments arguments, Call call) {
    Sandbox sandbox = workplace.sandbox(arguments);
    List<ProcessInfo> processes = sandbox.processes();
    StringBuilder text = new StringBuilder();
    processes.forEach(it -> text.append(shown(it)).append('\n'));
    return ToolResult.of(
        processes.isEmpty() ? "there are none" : text.toString(),
        Map.of("processes", processes.stream().map(it -> wire(sandbox, it)).toList()));
  }

  private Tool logs() {
    return new Tool(
        "process_logs",
        "Read a process's output",
        "Read what a process has said. Give next_seq of the answer before as from_seq to read only "
            + "what is new.",
        Schemas.object(
            PROCESS,
            Schemas.number("from_seq", 0, "Default 0: from the beginning on.").optional(),
            CommonFields.SANDBOX),
        Optional.of(
            Schemas.object(
                Schemas.text("stdout", "Of a long one head and tail."),
                Schemas.text("stderr", "Of a long one head and tail."),
                Schemas.number("next_seq", 0, "For the next call."),
                Schemas.number("skipped", 0, "Events that are not kept any more."),
                Schemas.text("state", "running or ended."),
                Schemas.number("exit_code", 0, "If it has ended.").optional())),
        Tool.Hints.READS,
        this::logs);
  }

  private ToolResult logs(Arguments arguments, Call call) {
    String id = arguments.text("process");
    long from = arguments.number("from_seq", 0, Long.MAX_VALUE, 0);
    SandboxProcess process = workplace.sandbox(arguments).process(id);
    Log log = new Log();
    long next = process.log(from, log);
    ProcessInfo info = process.info();
    Map<String, Object> structured = new LinkedHashMap<>();
    structured.put("stdout", log.stdout.shown(Optional.empty()));
    structured.put("stderr", log.stderr.shown(Optional.empty()));
    structured.put("next_seq", next);
    structured.put("skipped", log.skipped);
    structured.put("state", info.state());
    info.exitCode().ifPresent(it -> structured.put("exit_code", it));
    String end = info.exitCode().map(it -> "\nexit_code: " + it).orElse("\nstill running");
    return ToolResult.of(
        "stdout:\n" + structured.get("stdout") + "\nstderr:\n" + structured.get("stderr") + end,
        structured);
  }

  private static final class Log implements ProcessListener {
    private final Clip stdout = new Clip(Clip.SHOWN, Clip.SHOWN);
    private final Clip stderr = new Clip(Clip.SHOWN, Clip.SHOWN);
    private long skipped;

    @Override
    public void stdout(long seq, byte[] bytes) {
      stdout.add(bytes);
    }

    @Override
    public void stderr(long seq, byte[] bytes) {
      stderr.add(bytes);
    }

    @Override
    public void skipped(long seq, long count) {
      skipped += count;
    }
  }

  private Tool stop() {
    return new Tool(
        "stop_process",
        "Stop a process",
        "Ask a process to end; after 5 seconds it is killed.",
        Schemas.object(PROCESS, CommonFields.SANDBOX),
        Optional.of(Schemas.object(FIELDS)),
        Tool.Hints.REPLACES,
        this::stop);
  }

  private ToolResult stop(Arguments arguments, Call call) {
    String id = arguments.text("process");
    Sandbox sandbox = workplace.sandbox(arguments);
    SandboxProcess process = sandbox.process(id);
    process.end();
    ProcessInfo info = process.await(USUAL_WAIT);
    return ToolResult.of(shown(info), wire(sandbox, info));
  }

  private Tool waitForPort() {
    return new Tool(
        "wait_for_port",
        "Wait for a port",
        "Wait until something listens on a TCP port of the machine.",
        Schemas.object(
            Schemas.number("port", 1, 65535, "The port."),
            Schemas.number("timeout_seconds", 1, LONGEST_WAIT, "Default 30.").optional(),
            Schemas.text("process", "Give up when this process ends.").optional(),
            CommonFields.SANDBOX),
        Optional.of(
            Schemas.object(
                Schemas.number("port", 1, 65535, "The port."),
                Schemas.list("addresses", Map.of("type", "string"), "Where it listens."),
                Schemas.flag("reachable", "From outside; not if it listens on loopback only."),
                Schemas.text("url", "Where it is reached, with the API key."))),
        Tool.Hints.READS,
        this::waitForPort);
  }

  private ToolResult waitForPort(Arguments arguments, Call call) {
    int port =
        (int)
            arguments
                .findNumber("port", 1, 65535)
                .orElseThrow(() -> ToolFailure.badArgument("'port' is missing"));
    Duration patience = arguments.seconds("timeout_seconds", LONGEST_WAIT).orElse(USUAL_WAIT);
    Sandbox sandbox = workplace.sandbox(arguments);
    call.onCancel(Thread.currentThread()::interrupt);
    OpenPort open = sandbox.awaitPort(port, patience, arguments.find("process"));
    Map<String, Object> structured = new LinkedHashMap<>();
    structured.put("port", open.port());
    structured.put("addresses", open.addresses());
    structured.put("reachable", open.reachable());
    structured.put("url", sandbox.portUrl(port).toString());
    return ToolResult.of(
        "port " + port + " is open at " + String.join(", ", open.addresses()), structured);
  }

  private static String shown(ProcessInfo info) {
    String end = info.exitCode().map(it -> ", exit code " + it).orElse("");
    return info.processId() + "  " + info.state() + end + "  " + info.command();
  }

  private static Map<String, Object> wire(Sandbox sandbox, ProcessInfo info) {
    Map<String, Object> wire = new LinkedHashMap<>();
    wire.put("sandbox", sandbox.id());
    wire.put("process", info.processId());
    info.name().ifPresent(it -> wire.put("name", it));
    wire.put("command", info.command());
    wire.put("state", info.state());
    wire.put("pid", info.pid());
    info.exitCode().ifPresent(it -> wire.put("exit_code", it));
    return wire;
  }
}
