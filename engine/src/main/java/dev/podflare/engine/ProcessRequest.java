package dev.podflare.engine;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A program to start beside all else, which runs on whether or not anybody looks.
 *
 * @param argv program, by path or to be found in PATH, and its arguments
 * @param command the same for people
 * @param name a label, by which it can be asked for as by its id: letters, digits, dots, dashes
 * @param stdin text for its standard input; empty: none
 * @param stdinOpen keep standard input open for {@link SandboxProcess#writeStdin}
 * @param timeout after it the process is ended; empty: never
 * @param keepsAwake whether the sandbox is not idle while it runs
 */
public record ProcessRequest(
    List<String> argv,
    String command,
    Optional<String> name,
    Optional<String> cwd,
    Map<String, String> env,
    Optional<String> stdin,
    boolean stdinOpen,
    Optional<Duration> timeout,
    boolean keepsAwake) {
  /** For those that nobody wants to end. */
  private static final Duration EVER = Duration.ofDays(36_500);

  public ProcessRequest {
    argv = List.copyOf(argv);
    env = Map.copyOf(env);
  }

  /** As bash understands it, with what a login shell sets up. */
  public static List<String> shell(String command) {
    return List.of("/bin/bash", "-lc", command);
  }

  ExecRequest exec() {
    return new ExecRequest(
        "",
        ExecRequest.Language.BASH,
        ExecRequest.Framing.CHUNKS,
        Optional.of(timeout.orElse(EVER)),
        cwd,
        env,
        stdin,
        stdinOpen,
        true,
        false,
        Optional.empty(),
        Optional.of(ProcessSpec.of(this)));
  }
}
