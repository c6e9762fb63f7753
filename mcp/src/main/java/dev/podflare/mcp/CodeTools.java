package dev.podflare.mcp;

import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.util.List;
import java.util.Optional;

/** Tools that run code. Thread-safe. */
final class CodeTools {
  private final Workplace workplace;

  CodeTools(Workplace workplace) {
    this.workplace = workplace;
  }

  List<Tool> tools() {
    return List.of(
        new Tool(
            "run_code",
            "Run code",
            "Run code in an isolated Linux machine. Python variables, imports and files stay from "
                + "call to call. Returns stdout, stderr, the exit code, the value of a last "
                + "expression, and figures.",
            Schemas.object(
                Schemas.text("code", "Code to run: a program or a part of one."),
                CommonFields.LANGUAGE,
                Schemas.text("context", "Id of an interpreter beside the first one.").optional(),
                CommonFields.TIMEOUT,
                CommonFields.CWD,
                CommonFields.SANDBOX),
            Optional.of(Schemas.object(RunOutput.FIELDS)),
            Tool.Hints.RUNS,
            this::runCode),
        new Tool(
            "run_bash",
            "Run a shell script",
            "Run a bash script in the same machine, in a new process. Files stay, variables do "
                + "not.",
            Schemas.object(
                Schemas.text("command", "The script."),
                Schemas.text("stdin", "Its standard input.").optional(),
                CommonFields.TIMEOUT,
                CommonFields.CWD,
                CommonFields.SANDBOX),
            Optional.of(Schemas.object(RunOutput.FIELDS)),
            Tool.Hints.RUNS,
            this::runBash));
  }

  private ToolResult runCode(Arguments arguments, Call call) {
    String code = arguments.text("code");
    Optional<String> context = arguments.find("context");
    RunRequest request =
        context.isPresent()
            ? RunRequest.in(context.get(), code)
            : RunRequest.of(code, CommonFields.language(arguments));
    return run(arguments, request, call);
  }

  private ToolResult runBash(Arguments arguments, Call call) {
    RunRequest request =
        RunRequest.of(arguments.text("command"), dev.podflare.client.Language.BASH);
    Optional<String> stdin = arguments.find("stdin");
    return run(arguments, stdin.isPresent() ? request.withStdin(stdin.get()) : request, call);
  }

  private ToolResult run(Arguments arguments, RunRequest wish, Call call) {
    RunRequest request = wish.withCancelOnDisconnect();
    var timeout = arguments.seconds("timeout_seconds", CommonFields.LONGEST_CALL);
    if (timeout.isPresent()) {
      request = request.withTimeout(timeout.get());
    }
    Optional<String> cwd = arguments.find("cwd");
    if (cwd.isPresent()) {
      request = request.withCwd(cwd.get());
    }
    Sandbox sandbox = workplace.sandbox(arguments);
    Heard heard = new Heard(sandbox, call);
    RunResult result = sandbox.run(request, heard);
    return new RunOutput(sandbox, result, heard).result();
  }
}
