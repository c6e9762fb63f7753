package dev.podflare.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.engine.ExecRequest.Framing;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** However the bytes are cut on the way, the same events come out. */
class FramerTest {
  private static final EventBudget ROOMY = new EventBudget(Long.MAX_VALUE);
  private static final String TEXT = "one\n\ntwo \u00e9\u20ac\ud83d\ude00\r\nlast";

  @Test
  void linesDoNotDependOnHowTheBytesCame() {
    for (int seed = 0; seed < 200; seed++) {
      assertThat(frame(Framing.LINES, TEXT.getBytes(UTF_8), seed))
          .containsExactly("one", "", "two \u00e9\u20ac\ud83d\ude00\r", "last");
    }
  }

  @Test
  void aClosingNewlineAddsNoEmptyLine() {
    assertThat(frame(Framing.LINES, "a\n".getBytes(UTF_8), 1)).containsExactly("a");
    assertThat(frame(Framing.LINES, new byte[0], 1)).isEmpty();
  }

  @Test
  void chunksAreExactlyTheTextAndNeverCutCharacters() {
    for (int seed = 0; seed < 200; seed++) {
      List<String> chunks = frame(Framing.CHUNKS, TEXT.getBytes(UTF_8), seed);
      assertThat(String.join("", chunks)).isEqualTo(TEXT);
    }
  }

  @Test
  void chunksKeepBytesThatAreNoText() {
    byte[] bytes = new byte[512];
    new Random(7).nextBytes(bytes);
    Framer framer = Framer.of(Framing.CHUNKS, ROOMY);
    List<byte[]> all = new ArrayList<>();
    for (byte octet : bytes) {
      all.addAll(framer.add(new byte[] {octet}));
    }
    all.addAll(framer.end());
    java.io.ByteArrayOutputStream joined = new java.io.ByteArrayOutputStream();
    all.forEach(joined::writeBytes);
    assertThat(joined.toByteArray()).isEqualTo(bytes);
  }

  @Test
  void aLineWithoutEndIsCutAtTheLimit() {
    Framer framer = Framer.of(Framing.LINES, ROOMY);
    byte[] piece = new byte[1 << 20];
    java.util.Arrays.fill(piece, (byte) 'x');
    int events = 0;
    for (int i = 0; i < Framer.Lines.MAX_LINE / piece.length; i++) {
      events += framer.add(piece).size();
    }
    assertThat(events).isEqualTo(1);
    assertThat(framer.end()).isEmpty();
  }

  @Test
  void whileMemoryIsShortUnfinishedLinesAreCut() {
    EventBudget budget = new EventBudget(10);
    Framer framer = Framer.of(Framing.LINES, budget);
    assertThat(framer.add("12345".getBytes(UTF_8))).isEmpty();
    assertThat(framer.add("678901".getBytes(UTF_8))).hasSize(1);
    assertThat(budget.held()).isZero();
  }

  private static List<String> frame(Framing framing, byte[] bytes, int seed) {
    Random random = new Random(seed);
    Framer framer = Framer.of(framing, ROOMY);
    List<byte[]> events = new ArrayList<>();
    for (int at = 0; at < bytes.length; ) {
      int to = Math.min(bytes.length, at + 1 + random.nextInt(4));
      events.addAll(framer.add(java.util.Arrays.copyOfRange(bytes, at, to)));
      at = to;
    }
    events.addAll(framer.end());
    return events.stream().map(event -> new String(event, UTF_8)).toList();
  }
}
