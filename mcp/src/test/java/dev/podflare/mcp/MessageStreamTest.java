package dev.podflare.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MessageStreamTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final List<MessageStream> ended = new ArrayList<>();
  private final MessageStream stream = new MessageStream(3, ended::add);

  @Test
  void messagesAreNumberedAndCanBeTakenAgain() throws Exception {
    stream.tell(bytes("a"));
    stream.answer(bytes("b"));
    assertThat(text(stream, 0)).isEqualTo("a");
    assertThat(text(stream, 0)).isEqualTo("a");
    assertThat(text(stream, 1)).isEqualTo("b");
    assertThat(stream.isOver(1)).isFalse();
    assertThat(stream.isOver(2)).isTrue();
    assertThat(stream.next(2, PATIENCE)).isEmpty();
    assertThat(ended).containsExactly(stream);
  }

  @Test
  void whoWaitsIsWokenByAMessageAndByTheEnd() throws Exception {
    Thread writer = Thread.startVirtualThread(() -> stream.tell(bytes("late")));
    assertThat(text(stream, 0)).isEqualTo("late");
    writer.join();
    Thread ender = Thread.startVirtualThread(stream::end);
    assertThat(stream.next(1, PATIENCE)).isEmpty();
    assertThat(stream.isOver(1)).isTrue();
    ender.join();
  }

  @Test
  void nothingComesAfterTheEnd() {
    stream.end();
    stream.answer(bytes("x"));
    stream.tell(bytes("y"));
    assertThat(stream.bytes()).isZero();
    assertThat(ended).hasSize(1);
  }

  @Test
  void whatNobodyTakesIsLetGoButTheAnswerIsNot() throws Exception {
    byte[] large = new byte[60_000];
    for (int count = 0; count < 10; count++) {
      stream.tell(large);
    }
    stream.answer(new byte[2_000_000]);
    assertThat(stream.bytes()).isLessThan(2_300_000);
    long last = 0;
    int count = 0;
    byte[] message = new byte[0];
    while (!stream.isOver(last)) {
      MessageStream.Numbered next = stream.next(last, PATIENCE).orElseThrow();
      assertThat(next.number()).isGreaterThan(last);
      last = next.number();
      message = next.message();
      count++;
    }
    assertThat(count).isBetween(2, 6);
    assertThat(message).hasSize(2_000_000);
  }

  private static String text(MessageStream stream, long after) throws InterruptedException {
    return new String(stream.next(after, PATIENCE).orElseThrow().message(), StandardCharsets.UTF_8);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
