package dev.podflare.client;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A process to be started.
 *
 * @param argv program, by path or to be found in PATH, and its arguments
 * @param name by which it can be asked for beside its id
 * @param cwd folder in the guest
 * @param stdinOpen keep its standard input open for {@link SandboxProcess#input}
 * @param timeout after it the process is ended; empty: never
 * @param keepsAwake whether the sandbox is not idle while it runs
 */
public record ProcessOptions(
    List<String> argv,
    Optional<String> name,
    Optional<String> cwd,
    Map<String, String> env,
    boolean stdinOpen,
    Optional<Duration> timeout,
    boolean keepsAwake) {
  public ProcessOptions {
    argv = List.copyOf(argv);
    env = Map.copyOf(env);
  }

  public static ProcessOptions of(String... argv) {
    return new ProcessOptions(
        List.of(argv), Optional.empty(), Optional.empty(), Map.of(), false, Optional.empty(), true);
  }

  /** A command line for bash. */
  public static ProcessOptions command(String line) {
    return of("/bin/bash", "-lc", line);
  }

  public ProcessOptions withName(String newName) {
    return new ProcessOptions(argv, Optional.of(newName), cwd, env, stdinOpen, timeout, keepsAwake);
  }

  public ProcessOptions withCwd(String folder) {
    return new ProcessOptions(argv, name, Optional.of(folder), env, stdinOpen, timeout, keepsAwake);
  }

  public ProcessOptions withEnv(Map<String, String> newEnv) {
    return new ProcessOptions(argv, name, cwd, newEnv, stdinOpen, timeout, keepsAwake);
  }

  public ProcessOptions withInput() {
    return new ProcessOptions(argv, name, cwd, env, true, timeout, keepsAwake);
  }

  public ProcessOptions withTimeout(Duration newTimeout) {
    return new ProcessOptions(argv, name, cwd, env, stdinOpen, Optional.of(newTimeout), keepsAwake);
  }

  /** The sandbox may be idle, and so be frozen or end, while it runs. */
  public ProcessOptions mayBeIdle() {
    return new ProcessOptions(argv, name, cwd, env, stdinOpen, timeout, false);
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("argv", argv);
    name.ifPresent(it -> body.put("name", it));
    cwd.ifPresent(it -> body.put("cwd", it));
    if (!env.isEmpty()) {
      body.put("env", env);
    }
    body.put("stdin_open", stdinOpen);
    timeout.ifPresent(it -> body.put("timeout_seconds", Wire.seconds(it)));
    body.put("keeps_awake", keepsAwake);
    return body;
  }
}
