package dev.podflare.mcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class ArgumentsTest {
  private final Arguments arguments =
      new Arguments(
          Json.MAPPER.readTree(
              """
              {"text":"a","number":5,"fraction":5.0,"half":0.5,"large":1e30,"flag":true,"none":null,
               "texts":["a","b"],"mixed":["a",1],"empty":[],"pairs":{"a":"b"},"odd":{"a":1}}\
              """));

  @Test
  void whatFitsIsRead() {
    assertThat(arguments.text("text")).isEqualTo("a");
    assertThat(arguments.find("none")).isEmpty();
    assertThat(arguments.word("missing", List.of("x", "y"))).isEqualTo("x");
    assertThat(arguments.number("number", 0, 10, 1)).isEqualTo(5);
    assertThat(arguments.number("fraction", 0, 10, 1)).isEqualTo(5);
    assertThat(arguments.number("missing", 0, 10, 1)).isEqualTo(1);
    assertThat(arguments.flag("flag", false)).isTrue();
    assertThat(arguments.findFlag("missing")).isEmpty();
    assertThat(arguments.texts("texts", 2)).containsExactly("a", "b");
    assertThat(arguments.pairs("pairs")).containsEntry("a", "b");
    assertThat(arguments.pairs("missing")).isEmpty();
  }

  @Test
  void whatDoesNotIsSaid() {
    refused(() -> arguments.text("missing"), "'missing' is missing");
    refused(() -> arguments.text("number"), "'number' must be a text");
    refused(() -> arguments.word("text", List.of("x", "y")), "one of x, y, not 'a'");
    refused(() -> arguments.number("number", 6, 10, 6), "a whole number from 6 to 10");
    refused(() -> arguments.number("half", 0, 10, 1), "a whole number");
    refused(() -> arguments.number("large", 0, Long.MAX_VALUE, 1), "a whole number");
    refused(() -> arguments.number("text", 0, 10, 1), "a whole number");
    refused(() -> arguments.flag("text", true), "true or false");
    refused(() -> arguments.texts("texts", 1), "a list of 1 to 1 texts");
    refused(() -> arguments.texts("mixed", 5), "a list of 1 to 5 texts");
    refused(() -> arguments.texts("empty", 5), "a list of 1 to 5 texts");
    refused(() -> arguments.texts("text", 5), "a list of 1 to 5 texts");
    refused(() -> arguments.pairs("odd"), "names to texts");
    refused(() -> arguments.pairs("texts"), "names to texts");
  }

  private static void refused(ThrowingCallable call, String said) {
    assertThatThrownBy(call).isInstanceOf(ToolFailure.class).hasMessageContaining(said);
  }
}
