package dev.podflare.server;

import dev.podflare.engine.Terminal;
import dev.podflare.engine.TerminalRequest;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What callers send about terminals, read into the engine's words. */
final class TerminalBody {
  private static final int MOST_WORDS = 4096;
  private static final List<String> LOGIN_SHELL = List.of("/bin/bash", "-l");

  private TerminalBody() {}

  static TerminalRequest request(Fields fields) {
    Optional<String> command = fields.text("shellCmd");
    List<String> argv = fields.list("argv", MOST_WORDS);
    if (command.isPresent() && !argv.isEmpty()) {
      throw Fields.invalid("argv", "left out where 'shellCmd' is given");
    }
    int cols = fields.positive("cols").orElse(TerminalRequest.USUAL_COLS);
    int rows = fields.positive("rows").orElse(TerminalRequest.USUAL_ROWS);
    Map<String, String> env = CreateBody.envOfAnyForm(fields);
    Optional<String> cwd = fields.shortText("cwd");
    return command
        .map(text -> TerminalRequest.ofShell(text, cols, rows, env, cwd))
        .orElseGet(() ->
            TerminalRequest.ofArgv(argv.isEmpty() ? LOGIN_SHELL : argv, cols, rows, env, cwd));
  }

  static byte[] input(Fields fields) {
    String text = fields.text("data_b64").orElseThrow(TerminalBody::noInput);
    try {
      byte[] bytes = Base64.getDecoder().decode(text);
      if (bytes.length > Terminal.MOST_INPUT) {
        throw Fields.invalid("data_b64", "at most " + Terminal.MOST_INPUT + " bytes");
      }
      return bytes;
    } catch (IllegalArgumentException malformed) {
      throw noInput();
    }
  }

  private static RuntimeException noInput() {
    return Fields.invalid("data_b64", "base64 with padding");
  }

  /** A size; both are needed. */
  record Size(int cols, int rows) {
    static Size of(Fields fields) {
      return new Size(
          fields.positive("cols").orElseThrow(() -> missing("cols")),
          fields.positive("rows").orElseThrow(() -> missing("rows")));
    }

    private static RuntimeException missing(String name) {
      return Fields.invalid(name, "given, in characters");
    }
  }
}
