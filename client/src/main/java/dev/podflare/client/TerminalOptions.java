package dev.podflare.client;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A terminal to be opened.
 *
 * @param argv program and its arguments; empty: a login shell
 * @param cols width in characters
 * @param rows height, likewise
 * @param cwd folder in the guest
 */
public record TerminalOptions(
    List<String> argv, int cols, int rows, Map<String, String> env, Optional<String> cwd) {
  public TerminalOptions {
    argv = List.copyOf(argv);
    env = Map.copyOf(env);
  }

  /** A login shell, 80 by 24. */
  public static TerminalOptions shell() {
    return new TerminalOptions(List.of(), 80, 24, Map.of(), Optional.empty());
  }

  /** A command line for bash, 80 by 24. */
  public static TerminalOptions command(String line) {
    return shell().withArgv(List.of("/bin/bash", "-lc", line));
  }

  public TerminalOptions withArgv(List<String> newArgv) {
    return new TerminalOptions(newArgv, cols, rows, env, cwd);
  }

  public TerminalOptions withSize(int newCols, int newRows) {
    return new TerminalOptions(argv, newCols, newRows, env, cwd);
  }

  public TerminalOptions withEnv(Map<String, String> newEnv) {
    return new TerminalOptions(argv, cols, rows, newEnv, cwd);
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    if (!argv.isEmpty()) {
      body.put("argv", argv);
    }
    body.put("cols", cols);
    body.put("rows", rows);
    if (!env.isEmpty()) {
      body.put("env", env);
    }
    cwd.ifPresent(it -> body.put("cwd", it));
    body.put("attach", false);
    return body;
  }
}
