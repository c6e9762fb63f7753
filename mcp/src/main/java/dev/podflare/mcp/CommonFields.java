package dev.podflare.mcp;

import dev.podflare.client.Language;
import java.util.List;

/** Arguments that several tools have. */
final class CommonFields {
  static final Schemas.Field SANDBOX =
      Schemas.text("sandbox", "Id of a sandbox; default is the session's own.").optional();
  static final Schemas.Field ITS_SANDBOX = Schemas.text("sandbox", "Id of the sandbox.");
  static final List<String> LANGUAGES = List.of("python", "bash");
  static final Schemas.Field LANGUAGE =
      Schemas.word("language", LANGUAGES, "Default is python.").optional();
  static final Schemas.Field TIMEOUT =
      Schemas.number("timeout_seconds", 1, "Interrupts it after so long.").optional();
  static final Schemas.Field CWD = Schemas.text("cwd", "Folder in which it runs.").optional();
  static final Schemas.Field PATH = Schemas.text("path", "Absolute, or from /root on.");

  /** Of a call, in seconds; the server has limits of its own. */
  static final long LONGEST_CALL = 7 * 24 * 3600L;

  private CommonFields() {}

  static Language language(Arguments arguments) {
    return arguments.word("language", LANGUAGES).equals("bash") ? Language.BASH : Language.PYTHON;
  }
}
