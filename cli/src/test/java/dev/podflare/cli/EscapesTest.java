package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.cli.Escapes.Wish;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class EscapesTest {
  private final StringBuilder sent = new StringBuilder();
  private final Escapes escapes = new Escapes();

  /** Types piece after piece; the wish of the last. */
  private Wish type(String... pieces) {
    Wish wish = Wish.NOTHING;
    for (String piece : pieces) {
      byte[] bytes = piece.getBytes(StandardCharsets.UTF_8);
      Escapes.Typed typed = escapes.add(bytes, bytes.length);
      sent.append(new String(typed.bytes(), StandardCharsets.UTF_8));
      wish = typed.wish();
    }
    return wish;
  }

  @Test
  void aTildeAndADotLeaveWhereALineBegins() {
    assertThat(type("~.")).isEqualTo(Wish.LEAVE);
    assertThat(type("ls\r", "~", ".rest")).isEqualTo(Wish.LEAVE);
    assertThat(type("\r~?")).isEqualTo(Wish.HELP);
    assertThat(type("x\u0003~.")).isEqualTo(Wish.LEAVE);
    assertThat(sent.toString()).isEqualTo("ls\r\rx\u0003");
  }

  @Test
  void anywhereElseTheyAreTyped() {
    assertThat(type("cd ~.", "\r", "~/x\r", "~~.", "\r~a.", "é~.\u001b[A~."))
        .isEqualTo(Wish.NOTHING);
    assertThat(sent.toString()).isEqualTo("cd ~.\r~/x\r~.\r~a.é~.\u001b[A~.");
  }
}
