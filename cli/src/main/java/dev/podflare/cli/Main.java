package dev.podflare.cli;

import picocli.CommandLine;

/** Entry of the command line. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    System.exit(commandLine(arguments).execute(arguments));
  }

  /** For these arguments: the verbs that they do not name may be missing. */
  static CommandLine commandLine(String... arguments) {
    CommandLine line = new CommandLine(new PodflareCommand());
    Verbs.of(arguments).forEach(line::addSubcommand);
    Failures failures = new Failures();
    return line.setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpAutoWidth(true)
        .setParameterExceptionHandler(failures)
        .setExecutionExceptionHandler(failures);
  }
}
