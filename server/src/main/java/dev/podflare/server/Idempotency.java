package dev.podflare.server;

import dev.podflare.common.PodflareException;
import dev.podflare.store.IdempotentAnswers;
import dev.podflare.store.KeyText;
import dev.podflare.store.Reservation;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Gives the first answer again when a create is repeated with the same {@code Idempotency-Key}.
 * Only successes are kept: a refused or failed create had no effect and may be tried again.
 * Thread-safe.
 */
final class Idempotency {
  private static final String HEADER = "Idempotency-Key";

  private final IdempotentAnswers answers;
  private final Duration wait;

  /** Does the work once; the answer is JSON. */
  interface Work {
    byte[] run() throws Exception;
  }

  Idempotency(IdempotentAnswers answers, Duration wait) {
    this.answers = answers;
    this.wait = wait;
  }

  /**
   * Answers the exchange with the work's answer or that of the request which it repeats.
   *
   * @param kept what of an answer may be kept and given again
   */
  void answer(Exchange exchange, String route, byte[] body, UnaryOperator<byte[]> kept, Work work)
      throws Exception {
    Optional<String> header = exchange.header(HEADER);
    if (header.isEmpty()) {
      exchange.answer(200, work.run());
      return;
    }
    String key = checked(header.get());
    String keyId = exchange.caller().keyId();
    String digest = KeyText.sha256(route + "\n" + new String(body, StandardCharsets.ISO_8859_1));
    switch (answers.reserve(keyId, key, digest, wait)) {
      case Reservation.Answered answered -> {
        exchange.context().header("Idempotency-Replayed", "true");
        exchange.answer(answered.status(), answered.body().getBytes(StandardCharsets.UTF_8));
      }
      case Reservation.Granted granted -> exchange.answer(200, first(keyId, key, kept, work));
    }
  }

  private byte[] first(String keyId, String key, UnaryOperator<byte[]> kept, Work work)
      throws Exception {
    byte[] answer;
    try {
      answer = work.run();
    } catch (Throwable failed) {
      answers.abandon(keyId, key);
      throw failed;
    }
    String again = new String(kept.apply(answer), StandardCharsets.UTF_8);
    answers.complete(keyId, key, 200, again);
    return answer;
  }

  private static String checked(String key) throws PodflareException {
    if (key.isBlank() || key.length() > 255) {
      throw Fields.invalid(HEADER, "1 to 255 characters");
    }
    return key;
  }
}
