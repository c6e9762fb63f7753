package dev.podflare.client;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Code to run.
 *
 * @param timeout after it the server interrupts and the exit code is 124; in whole seconds, rounded
 *     up; empty: its default
 * @param cwd folder in the guest
 * @param stdin text for bash
 * @param cancelOnDisconnect cancel when this caller goes away; else the work goes on
 * @param context in which it runs, see {@link Sandbox#contexts()}; its language counts
 * @param stdinOpen keep the standard input of bash open for {@link Sandbox#input}
 */
public record RunRequest(
    String code,
    Language language,
    Optional<Duration> timeout,
    Optional<String> cwd,
    Map<String, String> env,
    Optional<String> stdin,
    boolean cancelOnDisconnect,
    Optional<String> context,
    boolean stdinOpen) {

  public RunRequest {
    env = Map.copyOf(env);
  }

  public static RunRequest of(String code, Language language) {
    return new RunRequest(
        code,
        language,
        Optional.empty(),
        Optional.empty(),
        Map.of(),
        Optional.empty(),
        false,
        Optional.empty(),
        false);
  }

  /** Code in the language of a context. */
  public static RunRequest in(String context, String code) {
    return new RunRequest(
        code,
        Language.PYTHON,
        Optional.empty(),
        Optional.empty(),
        Map.of(),
        Optional.empty(),
        false,
        Optional.of(context),
        false);
  }

  public RunRequest withTimeout(Duration newTimeout) {
    return new RunRequest(
        code,
        language,
        Optional.of(newTimeout),
        cwd,
        env,
        stdin,
        cancelOnDisconnect,
        context,
        stdinOpen);
  }

  public RunRequest withCwd(String newCwd) {
    return new RunRequest(
        code,
        language,
        timeout,
        Optional.of(newCwd),
        env,
        stdin,
        cancelOnDisconnect,
        context,
        stdinOpen);
  }

  public RunRequest withEnv(Map<String, String> newEnv) {
    return new RunRequest(
        code, language, timeout, cwd, newEnv, stdin, cancelOnDisconnect, context, stdinOpen);
  }

  public RunRequest withStdin(String newStdin) {
    return new RunRequest(
        code,
        language,
        timeout,
        cwd,
        env,
        Optional.of(newStdin),
        cancelOnDisconnect,
        context,
        stdinOpen);
  }

  public RunRequest withCancelOnDisconnect() {
    return new RunRequest(code, language, timeout, cwd, env, stdin, true, context, stdinOpen);
  }

  /** Keeps the standard input of bash open, see {@link Sandbox#input}. */
  public RunRequest withOpenInput() {
    return new RunRequest(
        code, language, timeout, cwd, env, stdin, cancelOnDisconnect, context, true);
  }

  Map<String, Object> body(boolean background) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("code", code);
    context.ifPresentOrElse(
        it -> body.put("context", it), () -> body.put("language", language.wireName()));
    body.put("framing", "chunks");
    timeout.ifPresent(it -> body.put("timeout_seconds", Wire.seconds(it)));
    cwd.ifPresent(it -> body.put("cwd", it));
    stdin.ifPresent(it -> body.put("stdin", it));
    if (!env.isEmpty()) {
      body.put("env", env);
    }
    if (stdinOpen) {
      body.put("stdin_open", true);
    }
    if (background) {
      body.put("background", true);
    }
    if (cancelOnDisconnect) {
      body.put("cancel_on_disconnect", true);
    }
    return body;
  }
}
