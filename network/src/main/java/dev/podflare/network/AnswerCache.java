package dev.podflare.network;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.Ticker;
import dev.podflare.common.DataSize;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Answers of upstreams, each for its time to live, in at most so much memory. Holds nothing that
 * depends on a policy: one slot's policy never decides another's answer. Thread-safe.
 */
final class AnswerCache {
  private record Kept(Answer answer, long until, int bytes) {}

  private static final int PER_ANSWER = 500;
  private static final int PER_RECORD = 250;

  private final Ticker clock;
  private final Cache<Question.Key, Kept> answers;

  AnswerCache(DataSize most, Ticker clock) {
    this.clock = clock;
    Expiry<Question.Key, Kept> expiry = Expiry.creating((key, kept) -> kept.answer().timeToLive());
    this.answers =
        Caffeine.newBuilder()
            .maximumWeight(most.bytes())
            .weigher((Question.Key key, Kept kept) -> kept.bytes())
            .ticker(clock)
            .executor(Runnable::run)
            .expireAfter(expiry)
            .build();
  }

  void put(Question.Key question, Answer answer) {
    if (!answer.timeToLive().isZero()) {
      long until = clock.read() + answer.timeToLive().toNanos();
      answers.put(question, new Kept(answer, until, weight(answer)));
    }
  }

  /** The answer with what is left of its time to live. */
  Optional<Answer> find(Question.Key question) {
    @Nullable Kept kept = answers.getIfPresent(question);
    if (kept == null) {
      return Optional.empty();
    }
    Duration left = Duration.ofNanos(kept.until() - clock.read());
    if (left.isNegative() || left.isZero()) {
      return Optional.empty();
    }
    Answer answer = kept.answer();
    return Optional.of(new Answer(answer.rcode(), answer.records(), answer.authority(), left));
  }

  /** About what an answer takes in memory. */
  private static int weight(Answer answer) {
    return Stream.concat(answer.records().stream(), answer.authority().stream())
        .mapToInt(record -> PER_RECORD + 2 * record.rdataToWireCanonical().length)
        .reduce(PER_ANSWER, Math::addExact);
  }

  long bytes() {
    answers.cleanUp();
    return answers.policy().eviction().orElseThrow().weightedSize().orElse(0);
  }
}
