package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogSearchTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final ExecLog log = new ExecLog(() -> {}, new EventBudget(1 << 30), true);
  private long sequence;

  private void say(ExecEvent.Stream stream, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    log.append(new ExecEvent.Output(sequence++, 1, stream, bytes));
  }

  private void say(String text) {
    say(ExecEvent.Stream.STDOUT, text);
  }

  private void exit(int code) {
    log.append(new ExecEvent.Exit(sequence++, 1, code, ExecEvent.Reason.EXITED));
  }

  private LogMatch find(String pattern) throws InterruptedException {
    return find(new LogWish(pattern, false, 0, PATIENCE));
  }

  private LogMatch find(LogWish wish) throws InterruptedException {
    try (ExecStream stream = log.open(wish.fromSequence())) {
      return new LogSearch(wish).run(stream, "prc_1");
    }
  }

  @Test
  void aLineMayComeInPiecesAmongOthers() throws Exception {
    say("first\r\nlist");
    say(ExecEvent.Stream.STDERR, "listening on port 1\n");
    say("ening on port 80");
    say("81\nnext\n");
    assertThat(find("^listening on port (\\d+)(x)?$"))
        .isEqualTo(
            new LogMatch(1, ExecEvent.Stream.STDERR, "listening on port 1", List.of("1", "")));
    assertThat(find("port (\\d\\d+)$"))
        .isEqualTo(
            new LogMatch(3, ExecEvent.Stream.STDOUT, "listening on port 8081", List.of("8081")));
    assertThat(find("^first$").line()).isEqualTo("first");
  }

  @Test
  void aPromptIsALineToo() throws Exception {
    say("up\nready> ");
    assertThat(find("^ready> $").sequence()).isZero();
  }

  @Test
  void whatIsSaidLaterIsWaitedFor() throws Exception {
    say("early\n");
    Thread later =
        Thread.ofVirtual()
            .start(() -> {
              say("other\n");
              say("late\n");
            });
    assertThat(find("late").sequence()).isEqualTo(2);
    later.join();
    assertThat(find(new LogWish("early", false, 0, PATIENCE)).sequence()).isZero();
    assertThatThrownBy(() -> find(new LogWish("early", false, 1, Duration.ofMillis(50))))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.TIMED_OUT));
  }

  @Test
  void anEndWithoutTheLineIsSaidWithItsCode() throws Exception {
    say("last words");
    exit(7);
    assertThat(find("words$").line()).isEqualTo("last words");
    assertThatThrownBy(() -> find("nothing"))
        .isInstanceOfSatisfying(
            PodflareException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.PROCESS_ENDED);
              assertThat(e.details()).containsEntry("exit_code", 7);
            });
  }

  @Test
  void aLiteralTextMeansItself() throws Exception {
    say("a+b [x]\n");
    assertThat(find(new LogWish("a+b [x]", true, 0, PATIENCE)).groups()).isEmpty();
  }

  @Test
  void aLongLineIsLookedAtInPieces() throws Exception {
    say("x".repeat(100_000));
    say("needle\n");
    LogMatch match = find("needle$");
    assertThat(match.line().length()).isLessThanOrEqualTo(16 << 10);
    assertThat(match.sequence()).isEqualTo(1);
  }

  /** With backtracking this would take longer than the universe has been there. */
  @Test
  void noExpressionTakesForEver() throws Exception {
    say("a".repeat(10_000) + "\nend\n");
    assertThat(find("^(a+)+$|^end$").line()).startsWith("aaa");
    assertThat(find("^(a|aa)+b$|^end$").line()).isEqualTo("end");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "(", "a{1001}", "((a{100}){100}){100}", "(?=a)", "\\1", "[z-a]"})
  void whatIsNoExpressionIsRefused(String pattern) {
    refused(pattern);
  }

  @Test
  void largeExpressionsAreRefused() {
    refused("a".repeat(1001));
    refused("(a{900}b)".repeat(100));
    refused("\\pL{500}\\pN{500}");
  }

  private void refused(String pattern) {
    assertThatThrownBy(() -> find(pattern))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_FIELD));
  }

  @Test
  void aSlowReaderHoldsNothingBackAndIsToldWhatItMissed() throws Exception {
    try (ExecStream slow = log.open(0)) {
      for (int i = 0; i < 100; i++) {
        say("x".repeat(100_000));
      }
      assertThat(log.unread()).isZero();
      assertThat(log.retained()).isLessThanOrEqualTo(ExecLog.RETAINED);
      ExecEvent first = slow.next(Duration.ZERO).orElseThrow();
      assertThat(first).isInstanceOf(ExecEvent.Skipped.class);
      assertThat(first.sequence()).isZero();
      long missed = ((ExecEvent.Skipped) first).count();
      assertThat(missed).isEqualTo(log.range().first()).isPositive();
      assertThat(slow.next(Duration.ZERO).orElseThrow().sequence()).isEqualTo(missed);
    }
    try (ExecStream late = log.open(1)) {
      assertThat(late.next(Duration.ZERO).orElseThrow())
          .isInstanceOfSatisfying(
              ExecEvent.Skipped.class,
              it -> assertThat(it.count()).isEqualTo(log.range().first() - 1));
    }
  }

  @Test
  void theLastOutputIsKeptForACopy() {
    log.append(new ExecEvent.Started(sequence++, 1, "prc_1"));
    say("one");
    say("two");
    assertThat(log.recent(1 << 20)).extracting(ExecEvent::sequence).containsExactly(1L, 2L);
    assertThat(log.recent(100)).extracting(ExecEvent::sequence).containsExactly(2L);
    assertThat(log.recent(0)).isEmpty();
  }
}
