package dev.podflare.engine;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Code to run.
 *
 * @param timeout after it the call is interrupted and ends with exit code 124; empty: the server's
 *     default
 * @param cwd folder in the guest; for Python the change lasts for this call only
 * @param stdin text for bash; empty: no standard input
 * @param stdinOpen keep standard input open for {@link Execution#writeStdin}
 * @param background the answer does not wait; the stream can be joined later
 * @param cancelOnDisconnect cancel when the caller that started it goes away
 * @param context in which it runs, which has a language, a folder and variables of its own; empty:
 *     Python in the first interpreter, bash in a process of its own
 * @param process what it runs in place of code, if it is a process
 */
public record ExecRequest(
    String code,
    Language language,
    Framing framing,
    Optional<Duration> timeout,
    Optional<String> cwd,
    Map<String, String> env,
    Optional<String> stdin,
    boolean stdinOpen,
    boolean background,
    boolean cancelOnDisconnect,
    Optional<String> context,
    Optional<ProcessSpec> process) {

  public enum Language {
    PYTHON,
    BASH,
    JAVASCRIPT,
    TYPESCRIPT,
    JAVA,
    R
  }

  /** LINES: an event is one line without its newline. CHUNKS: exactly the text written. */
  public enum Framing {
    LINES,
    CHUNKS
  }

  public ExecRequest {
    env = Map.copyOf(env);
  }

  /** Code, which is no process. */
  public ExecRequest(
      String code,
      Language language,
      Framing framing,
      Optional<Duration> timeout,
      Optional<String> cwd,
      Map<String, String> env,
      Optional<String> stdin,
      boolean stdinOpen,
      boolean background,
      boolean cancelOnDisconnect,
      Optional<String> context) {
    this(
        code,
        language,
        framing,
        timeout,
        cwd,
        env,
        stdin,
        stdinOpen,
        background,
        cancelOnDisconnect,
        context,
        Optional.empty());
  }

  /** The same without the code and the input, which need not be kept once they were sent. */
  ExecRequest sent() {
    return new ExecRequest(
        "",
        language,
        framing,
        timeout,
        Optional.empty(),
        Map.of(),
        Optional.empty(),
        stdinOpen,
        background,
        cancelOnDisconnect,
        context,
        process.map(ProcessSpec::sent));
  }

  /** The same for other code. */
  public ExecRequest withCode(String other) {
    return new ExecRequest(
        other,
        language,
        framing,
        timeout,
        cwd,
        env,
        stdin,
        stdinOpen,
        background,
        cancelOnDisconnect,
        context);
  }

  /** Whether it waits for its turn in the first interpreter; in others the guest sees to that. */
  boolean standsInLine() {
    return language == Language.PYTHON && context.isEmpty();
  }

  /** For a copy in a fork: no caller waits for it. */
  ExecRequest carried(boolean inputOpen) {
    return new ExecRequest(
        "",
        language,
        framing,
        timeout,
        Optional.empty(),
        Map.of(),
        Optional.empty(),
        inputOpen,
        true,
        false,
        context,
        process);
  }

  /** Of a call that goes on elsewhere, as far as it is known there. */
  static ExecRequest copied(
      Language language,
      Framing framing,
      @Nullable String context,
      @Nullable ProcessState process) {
    ExecRequest plain = of(language, "", framing);
    ExecRequest placed = context == null ? plain : plain.in(context, language);
    return process == null ? placed : placed.as(process.spec());
  }

  /** The same as a process. */
  ExecRequest as(ProcessSpec spec) {
    return new ExecRequest(
        code,
        language,
        framing,
        timeout,
        cwd,
        env,
        stdin,
        stdinOpen,
        background,
        cancelOnDisconnect,
        context,
        Optional.of(spec));
  }

  /** Bytes of memory that the code and the input take until they are sent, about. */
  long weight() {
    return (long) code.length() + stdin.map(String::length).orElse(0);
  }

  public static ExecRequest of(Language language, String code, Framing framing) {
    return new ExecRequest(
        code,
        language,
        framing,
        Optional.empty(),
        Optional.empty(),
        Map.of(),
        Optional.empty(),
        false,
        false,
        false,
        Optional.empty());
  }

  /** The same in a context, whose language it has. */
  public ExecRequest in(String otherContext, Language itsLanguage) {
    return new ExecRequest(
        code,
        itsLanguage,
        framing,
        timeout,
        cwd,
        env,
        stdin,
        stdinOpen,
        background,
        cancelOnDisconnect,
        Optional.of(otherContext));
  }
}
