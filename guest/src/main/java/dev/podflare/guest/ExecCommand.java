package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Code for the guest to run.
 *
 * @param cwd folder for this call only
 * @param env variables for this call only
 * @param stdin bash only: standard input comes by {@link GuestExec#stdin}; otherwise it is empty
 * @param result Python only: report the value of a last expression
 * @param window bytes of output that the guest may send beyond what was acknowledged, 4 KiB to 64
 *     MiB
 * @param context in which it runs; empty: Python in the first interpreter, bash in a process of its
 *     own. The guest must have contexts
 * @param argv bash only: in place of code a program, by path or to be found in PATH, and its
 *     arguments; empty: code. The guest must have processes. If it cannot start, the end has a
 *     message that says why
 */
public record ExecCommand(
    GuestLanguage language,
    String code,
    Optional<String> cwd,
    Map<String, String> env,
    boolean stdin,
    boolean result,
    int window,
    Optional<String> context,
    List<String> argv) {
  public static final int DEFAULT_WINDOW = 256 << 10;

  /** Most bytes of code in UTF-8. */
  public static final int MAX_CODE = 256 << 20;

  private static final int MAX_OPTIONS = 512 << 10;
  private static final int MOST_WORDS = 4096;
  private static final int MOST_CHARACTERS = 128 << 10;

  public ExecCommand {
    env = Map.copyOf(env);
    argv = List.copyOf(argv);
    if (window < 4096 || window > 64 << 20) {
      throw invalid("window must be 4 KiB to 64 MiB, not " + window);
    }
    long options =
        cwd.map(String::length).orElse(0) + argv.stream().mapToLong(String::length).sum();
    for (Map.Entry<String, String> variable : env.entrySet()) {
      options += variable.getKey().length() + (long) variable.getValue().length();
      check(variable.getKey(), variable.getValue());
    }
    // In JSON a character takes up to six bytes and is held to one frame of 1 MiB.
    if (options > MAX_OPTIONS / 4) {
      throw invalid(
          (argv.isEmpty() ? "cwd and env" : "argv, cwd and env")
              + " take "
              + options
              + " characters; the most is "
              + MAX_OPTIONS / 4);
    }
    if (cwd.isPresent() && cwd.get().indexOf('\0') >= 0) {
      throw invalid("cwd must not contain a NUL character");
    }
    if (!argv.isEmpty()) {
      requireProgram(argv);
    }
  }

  /** Throws {@code INVALID_FIELD} for words that no program can be started with. */
  static void requireProgram(List<String> words) {
    if (words.isEmpty() || words.getFirst().isEmpty() || words.size() > MOST_WORDS) {
      throw invalid("argv needs a program and at most " + MOST_WORDS + " words");
    }
    long characters = words.stream().mapToLong(String::length).sum();
    if (characters > MOST_CHARACTERS) {
      throw invalid("argv takes " + characters + " characters; the most is " + MOST_CHARACTERS);
    }
    if (words.stream().anyMatch(word -> word.indexOf('\0') >= 0)) {
      throw invalid("argv must not contain a NUL character");
    }
  }

  /** A program, which runs until it ends. */
  public static ExecCommand program(
      List<String> argv, Optional<String> cwd, Map<String, String> env, boolean stdin, int window) {
    requireProgram(argv);
    return new ExecCommand(
        GuestLanguage.BASH, "", cwd, env, stdin, false, window, Optional.empty(), argv);
  }

  /** Code. */
  public ExecCommand(
      GuestLanguage language,
      String code,
      Optional<String> cwd,
      Map<String, String> env,
      boolean stdin,
      boolean result,
      int window,
      Optional<String> context) {
    this(language, code, cwd, env, stdin, result, window, context, List.of());
  }

  /** In no context. */
  public ExecCommand(
      GuestLanguage language,
      String code,
      Optional<String> cwd,
      Map<String, String> env,
      boolean stdin,
      boolean result,
      int window) {
    this(language, code, cwd, env, stdin, result, window, Optional.empty());
  }

  /** The same in a context. */
  public ExecCommand in(String otherContext) {
    return new ExecCommand(
        language, code, cwd, env, stdin, result, window, Optional.of(otherContext));
  }

  public static ExecCommand of(GuestLanguage language, String code) {
    return new ExecCommand(
        language, code, Optional.empty(), Map.of(), false, false, DEFAULT_WINDOW);
  }

  private static void check(String name, String value) {
    if (name.isEmpty() || name.indexOf('=') >= 0 || (name + value).indexOf('\0') >= 0) {
      throw invalid("not a variable that a process can have: '" + name + "'");
    }
  }

  private static PodflareException invalid(String message) {
    return new PodflareException(ErrorCode.INVALID_FIELD, message);
  }
}
