package dev.podflare.engine;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A terminal to be opened.
 *
 * @param argv program, by path or to be found in PATH, and its arguments
 * @param label what it is, for people
 * @param cols width in characters, 1 to 10,000
 * @param rows height, likewise
 * @param env added to the sandbox's
 * @param cwd folder; empty: the user's
 */
public record TerminalRequest(
    List<String> argv,
    String label,
    int cols,
    int rows,
    Map<String, String> env,
    Optional<String> cwd) {
  public static final int USUAL_COLS = 80;
  public static final int USUAL_ROWS = 24;
  private static final int LONGEST_LABEL = 256;

  public TerminalRequest {
    argv = List.copyOf(argv);
    env = Map.copyOf(env);
    label = shortened(label);
  }

  /** Not in the middle of a character. */
  private static String shortened(String label) {
    if (label.length() <= LONGEST_LABEL) {
      return label;
    }
    boolean pair = Character.isHighSurrogate(label.charAt(LONGEST_LABEL - 1));
    return label.substring(0, pair ? LONGEST_LABEL - 1 : LONGEST_LABEL);
  }

  /** A command line for a login shell. */
  public static TerminalRequest ofShell(
      String command, int cols, int rows, Map<String, String> env, Optional<String> cwd) {
    return new TerminalRequest(List.of("/bin/bash", "-lc", command), command, cols, rows, env, cwd);
  }

  public static TerminalRequest ofArgv(
      List<String> argv, int cols, int rows, Map<String, String> env, Optional<String> cwd) {
    return new TerminalRequest(argv, String.join(" ", argv), cols, rows, env, cwd);
  }
}
