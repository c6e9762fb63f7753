package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.LogWish;
import dev.podflare.engine.PortWish;
import dev.podflare.engine.ProcessRequest;
import dev.podflare.engine.SandboxProcess;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What callers send about processes, read into the engine's words. */
final class ProcessBody {
  private static final int MOST_WORDS = 4096;
  private static final int MOST_INPUT = 1 << 20;
  private static final long USUAL_WAIT_MILLIS = 30_000;

  /** By number on x86-64, from 1 on. */
  private static final List<String> SIGNALS =
      List.of(
          "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
          "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
          "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS");

  private ProcessBody() {}

  static ProcessRequest request(Fields fields) {
    Optional<String> command = fields.text("cmd");
    List<String> argv = fields.list("argv", MOST_WORDS);
    if (command.isPresent() != argv.isEmpty()) {
      throw Fields.invalid("argv", "given, or 'cmd' in its place");
    }
    Optional<String> stdin = fields.text("stdin");
    stdin.ifPresent(text -> requireInput("stdin", text.length()));
    return new ProcessRequest(
        command.map(ProcessRequest::shell).orElse(argv),
        command.orElseGet(() -> String.join(" ", argv)),
        fields.shortText("name"),
        fields.shortText("cwd"),
        CreateBody.env(fields),
        stdin,
        fields.flag("stdin_open").orElse(false),
        fields.seconds("timeout_seconds"),
        fields.flag("keeps_awake").orElse(true));
  }

  /** A name, with or without SIG before it, or a number. */
  static int signal(Fields fields) {
    if (fields.isText("signal")) {
      String name = fields.text("signal").orElseThrow().toUpperCase(Locale.ROOT);
      int number = SIGNALS.indexOf(name.startsWith("SIG") ? name.substring(3) : name) + 1;
      if (number > 0) {
        return number;
      }
    } else {
      int number = fields.positive("signal").orElse(0);
      // The C library keeps 32 and 33 for itself.
      if (number >= 1 && number <= 64 && number != 32 && number != 33) {
        return number;
      }
    }
    throw Fields.invalid("signal", "a name, as TERM, or a number from 1 to 64");
  }

  /** What is to be written to a process. */
  @SuppressWarnings("ArrayRecordComponent") // passed on, never compared
  record Input(byte[] bytes, boolean close) {
    static Input of(Fields fields) {
      boolean close = fields.flag("close").orElse(false);
      Optional<String> text = fields.text("data");
      Optional<String> base64 = fields.text("data_b64");
      if (text.isPresent() == base64.isPresent() && !(close && text.isEmpty())) {
        throw Fields.invalid("data", "given, or 'data_b64' in its place");
      }
      byte[] bytes =
          base64
              .map(ProcessBody::decoded)
              .orElseGet(() -> text.orElse("").getBytes(StandardCharsets.UTF_8));
      requireInput(base64.isPresent() ? "data_b64" : "data", bytes.length);
      return new Input(bytes, close);
    }
  }

  static Duration patience(Fields fields) {
    long most = SandboxProcess.LONGEST_WAIT.toMillis();
    return Duration.ofMillis(fields.natural("timeout_ms", most).orElse(USUAL_WAIT_MILLIS));
  }

  static PortWish port(Fields fields) {
    return new PortWish(
        fields.positive("port").orElse(0), patience(fields), fields.shortText("process"));
  }

  static LogWish line(Fields fields) {
    Optional<String> text = fields.text("text");
    Optional<String> pattern = fields.text("pattern");
    if (text.isPresent() == pattern.isPresent()) {
      throw Fields.invalid("pattern", "given, or 'text' in its place");
    }
    return new LogWish(
        text.or(() -> pattern).orElseThrow(),
        text.isPresent(),
        fields.natural("from_seq", Long.MAX_VALUE).orElse(0),
        patience(fields));
  }

  private static void requireInput(String field, int bytes) {
    if (bytes > MOST_INPUT) {
      throw new PodflareException(
          ErrorCode.PAYLOAD_TOO_LARGE,
          "'" + field + "' has " + bytes + " bytes, at most " + MOST_INPUT,
          Map.of("field", field));
    }
  }

  private static byte[] decoded(String base64) {
    try {
      return Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException malformed) {
      throw Fields.invalid("data_b64", "base64 with padding");
    }
  }
}
