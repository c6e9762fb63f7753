package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What makes an execution a process: a program that runs until it ends.
 *
 * @param argv program and arguments; empty once they were sent
 * @param command the same for people, cut to 1,000 characters
 * @param name by which its caller may call it, beside its id
 * @param keepsAwake whether its sandbox is not idle while it runs
 */
record ProcessSpec(List<String> argv, String command, Optional<String> name, boolean keepsAwake) {
  private static final int LONGEST_COMMAND = 1000;
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

  ProcessSpec {
    argv = List.copyOf(argv);
    command = command.substring(0, Math.min(command.length(), LONGEST_COMMAND));
  }

  static ProcessSpec of(ProcessRequest request) {
    request
        .name()
        .filter(it -> !NAME.matcher(it).matches() || it.startsWith("prc_"))
        .ifPresent(name -> {
          throw new PodflareException(
              ErrorCode.INVALID_FIELD,
              "'name' must be 1 to 64 letters, digits, '.', '_' and '-', and not begin as an id",
              Map.of("field", "name"));
        });
    return new ProcessSpec(request.argv(), request.command(), request.name(), request.keepsAwake());
  }

  /** The same without what need not be kept once it was sent. */
  ProcessSpec sent() {
    return argv.isEmpty() ? this : new ProcessSpec(List.of(), command, name, keepsAwake);
  }
}
