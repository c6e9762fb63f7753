package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Says what went wrong in one line and chooses the exit code. */
final class Failures implements IExecutionExceptionHandler, IParameterExceptionHandler {
  static final int MENDABLE = 2;
  static final int OURS = 1;

  @Override
  public int handleExecutionException(
      Exception failure, CommandLine commandLine, ParseResult parsed) {
    String text = text(failure);
    commandLine.getErr().println("podflare: " + text);
    if (System.getenv("PODFLARE_DEBUG") != null) {
      failure.printStackTrace(commandLine.getErr());
    }
    commandLine.getErr().flush();
    return exitCode(failure);
  }

  /** Without a verb all of the help is of use, else a hint to it is enough. */
  @Override
  public int handleParseException(ParameterException wrong, String[] arguments) {
    CommandLine commandLine = wrong.getCommandLine();
    PrintWriter err = commandLine.getErr();
    err.println("podflare: " + wrong.getMessage());
    if (arguments.length == 0) {
      commandLine.usage(err);
    } else {
      UnmatchedArgumentException.printSuggestions(wrong, err);
      String verb = commandLine.getCommandSpec().qualifiedName();
      err.println("See './" + verb + " --help'.");
    }
    err.flush();
    return MENDABLE;
  }

  static String text(Exception failure) {
    return switch (failure) {
      case ApiException refused ->
          refused.sentence()
              + " ["
              + refused.code()
              + "]"
              + hint(refused)
              + refused.help().map(it -> "\nSee " + it).orElse("");
      case PodflareException known -> known.sentence() + " [" + known.code().wireName() + "]";
      default -> failure + " (PODFLARE_DEBUG=1 shows where)";
    };
  }

  private static String hint(ApiException refused) {
    if (refused.status() == 401) {
      return "; give the key with --key or PODFLARE_API_KEY";
    }
    if (refused.code().equals(ApiException.UNREACHABLE)) {
      return "; start one with './podflare serve', or name one with --url or PODFLARE_API_URL";
    }
    return refused.retryAfter().map(it -> "; try again in " + it.toSeconds() + " s").orElse("");
  }

  static int exitCode(Exception failure) {
    return switch (failure) {
      case ApiException refused ->
          refused.knownCode().map(ErrorCode::exitCode).orElseGet(() -> byStatus(refused));
      case PodflareException known -> known.code().exitCode();
      default -> OURS;
    };
  }

  private static int byStatus(ApiException refused) {
    boolean mendable =
        refused.status() / 100 == 4
            || refused.code().equals(ApiException.LOCAL_PORT_TAKEN)
            || refused.code().equals(ApiException.UNREACHABLE);
    return mendable ? MENDABLE : OURS;
  }
}
