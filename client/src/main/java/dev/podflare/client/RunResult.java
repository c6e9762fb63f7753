package dev.podflare.client;

import java.util.List;
import java.util.Map;

/**
 * How an execution went.
 *
 * @param exitCode 0 when all went well; 1 uncaught exception, 124 timeout, 130 cancelled, 128+n
 *     killed by signal n
 * @param reason {@code exited}, {@code timeout}, {@code cancelled}, {@code crashed}, {@code
 *     out_of_memory}, {@code sandbox_closed}, or a newer server's word
 * @param results values that Python showed: mime type to value
 * @param truncated output beyond {@link ClientConfig#maxOutputBytes} was left out
 */
public record RunResult(
    String stdout,
    String stderr,
    int exitCode,
    String reason,
    String execId,
    List<Map<String, String>> results,
    boolean truncated) {
  public RunResult {
    results = List.copyOf(results);
  }

  public boolean ok() {
    return exitCode == 0;
  }
}
