package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.ExecCommand;
import dev.podflare.guest.GuestCall;
import dev.podflare.guest.GuestLanguage;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Gives the generators of the user's Python a new beginning. */
final class Reseeding {
  private static final List<String> KNOWN = List.of("python.random", "numpy.random");

  /** The interpreter is idle; if it is not, a carried call holds it, perhaps for ever. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** In a scope of its own: it leaves no names behind. */
  private static final String CODE =
      """
      exec('''import sys
      done = []
      if "random" in sys.modules:
          sys.modules["random"].seed()
          done.append("python.random")
      if "numpy.random" in sys.modules:
          sys.modules["numpy.random"].seed()
          done.append("numpy.random")
      print(" ".join(done))
      ''', {})
      """;

  private Reseeding() {}

  /** Says no while a Python call runs: the generators are in use. */
  static void requireIdle(Sandbox sandbox) {
    if (sandbox.executions().pythonBusy()) {
      throw busy(null);
    }
  }

  /** Names of those that were reseeded. */
  static List<String> run(GuestMachine guest) {
    try {
      GuestCall.Outcome outcome =
          GuestCall.run(guest.channel(), ExecCommand.of(GuestLanguage.PYTHON, CODE), PATIENCE);
      List<String> said = Arrays.asList(outcome.stdout().strip().split(" "));
      return KNOWN.stream().filter(said::contains).toList();
    } catch (PodflareException e) {
      throw e.code() == ErrorCode.TIMED_OUT ? busy(e) : e;
    }
  }

  private static PodflareException busy(@Nullable Throwable cause) {
    return new PodflareException(
        ErrorCode.WRONG_STATE,
        "a Python call is running, so its generators cannot be reseeded;"
            + " wait for its end or fork without 'reseed'",
        cause);
  }
}
