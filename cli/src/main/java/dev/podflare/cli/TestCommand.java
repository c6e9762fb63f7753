package dev.podflare.cli;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shown in the help; the launcher runs the suites itself, since they need the sources. */
@Command(name = "test", description = "Run every test suite; ends with 'N passed, N failed'.")
final class TestCommand implements Runnable {
  @Option(names = "--long", description = "Also the runs that take long")
  private boolean whole;

  @Override
  public void run() {
    throw new PodflareException(
        ErrorCode.BAD_REQUEST,
        "test is run by the launcher: './podflare test" + (whole ? " --long'" : "'"));
  }
}
