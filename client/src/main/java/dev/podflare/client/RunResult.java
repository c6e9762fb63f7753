package dev.podflare.client;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How an execution went.
 *
 * @param exitCode 0 when all went well; 1 uncaught exception, 124 timeout, 130 cancelled, 128+n
 *     killed by signal n
 * @param reason {@code exited}, {@code timeout}, {@code cancelled}, {@code crashed}, {@code
 *     out_of_memory}, {@code output_limit}, {@code sandbox_closed}, or a newer server's word
 * @param results values that Python showed, in order: mime type to value, of binary ones base64, of
 *     JSON ones JSON text
 * @param exception what ended Python code that failed
 * @param truncated output beyond {@link ClientConfig#maxOutputBytes} was left out, or the server
 *     did not keep all of it while a connection was away
 */
public record RunResult(
    String stdout,
    String stderr,
    int exitCode,
    String reason,
    String execId,
    List<Map<String, String>> results,
    Optional<RunException> exception,
    boolean truncated) {
  public RunResult {
    results = List.copyOf(results);
  }

  RunResult withTruncated() {
    return new RunResult(stdout, stderr, exitCode, reason, execId, results, exception, true);
  }

  public boolean ok() {
    return exitCode == 0;
  }
}
