package dev.podflare.cli;

import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs code and passes on its output and its exit code. */
@Command(
    name = "run",
    description = {
      "Run code in a sandbox; output as it comes, exit code of the code.",
      "Ctrl-C cancels the execution."
    })
final class RunCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;
  @Mixin private SandboxChoice choice;
  @Mixin private CodeSource source;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      converter = Durations.class,
      description = "Interrupt after this time, for example 30s or 10m")
  private @Nullable Duration timeout;

  @Option(names = "--cwd", paramLabel = "DIR", description = "Folder in the guest")
  private @Nullable String cwd;

  @Option(
      names = {"-e", "--env"},
      paramLabel = "KEY=VALUE",
      description = "Environment variable; repeatable")
  private Map<String, String> env = Map.of();

  @Option(
      names = {"-i", "--stdin"},
      description = "Pass standard input on to the code, which must be bash")
  private boolean stdin;

  @Option(
      names = "--json",
      description = "No stream; print output and exit code as JSON at the end")
  private boolean json;

  @Override
  public Integer call() {
    checkInput();
    RunRequest request = request(source.read(System.in));
    try (Cancellation cancellation = new Cancellation();
        Podflare podflare = server.connect();
        SandboxChoice.Chosen chosen = choice.open(podflare)) {
      Sandbox sandbox = chosen.sandbox();
      RunResult result = sandbox.run(request, new Streams(cancellation, sandbox, !json, false));
      if (json) {
        Output.json(spec.commandLine().getOut(), answer(sandbox, result));
      } else {
        sayWhy(result);
      }
      return result.exitCode();
    }
  }

  private RunRequest request(String code) {
    RunRequest request =
        RunRequest.of(code, source.language()).withEnv(env).withCancelOnDisconnect();
    if (stdin) {
      request = request.withStdin(standardInput());
    }
    if (timeout != null) {
      request = request.withTimeout(timeout);
    }
    return cwd == null ? request : request.withCwd(cwd);
  }

  /** Before anything is read, which may wait for a person. */
  private void checkInput() {
    if (stdin && source.language() != Language.BASH) {
      throw CodeSource.refused("--stdin is for bash; Python's input() finds an end of file");
    }
    if (stdin && source.fromStandardInput()) {
      throw CodeSource.refused("standard input is the code already; give the code another way");
    }
  }

  private static String standardInput() {
    try {
      return CodeSource.whole(System.in);
    } catch (IOException failure) {
      throw CodeSource.refused("cannot read standard input: " + failure.getMessage());
    }
  }

  private static Map<String, Object> answer(Sandbox sandbox, RunResult result) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("stdout", result.stdout());
    answer.put("stderr", result.stderr());
    answer.put("exit_code", result.exitCode());
    answer.put("reason", result.reason());
    answer.put("results", result.results());
    answer.put("truncated", result.truncated());
    answer.put("exec_id", result.execId());
    answer.put("sandbox", sandbox.id());
    return answer;
  }

  private void sayWhy(RunResult result) {
    if (!result.reason().equals("exited")) {
      spec.commandLine().getErr().println("podflare: the execution ended by: " + result.reason());
      spec.commandLine().getErr().flush();
    }
  }
}
