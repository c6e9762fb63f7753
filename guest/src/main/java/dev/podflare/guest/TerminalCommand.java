package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A program for the guest to run on a terminal of its own.
 *
 * @param argv program, by path or to be found in PATH, and its arguments; 128 KiB together
 * @param cwd folder; empty: the user's
 * @param env added to that of all user processes
 * @param cols width in characters, 1 to 10,000
 * @param rows height, likewise
 * @param window bytes of output that the guest may send beyond what was acknowledged
 */
public record TerminalCommand(
    List<String> argv,
    Optional<String> cwd,
    Map<String, String> env,
    int cols,
    int rows,
    int window) {
  private static final int LARGEST_SIDE = 10_000;

  public TerminalCommand {
    argv = List.copyOf(argv);
    requireSize(cols, rows);
    ExecCommand.requireProgram(argv);
    // The same limits of folder and environment as for code.
    env = new ExecCommand(GuestLanguage.BASH, "", cwd, env, false, false, window).env();
  }

  /** Throws {@code INVALID_FIELD} for a size that no terminal has. */
  public static void requireSize(int cols, int rows) {
    if (cols < 1 || rows < 1 || cols > LARGEST_SIDE || rows > LARGEST_SIDE) {
      throw invalid(
          "cols and rows must be 1 to " + LARGEST_SIDE + ", not " + cols + " and " + rows);
    }
  }

  private static PodflareException invalid(String message) {
    return new PodflareException(ErrorCode.INVALID_FIELD, message);
  }
}
