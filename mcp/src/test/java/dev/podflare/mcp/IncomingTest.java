package dev.podflare.mcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IncomingTest {
  @Test
  void messagesAreToldApart() {
    assertThat(parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"))
        .isInstanceOfSatisfying(
            Incoming.Request.class,
            request -> {
              assertThat(request.method()).isEqualTo("ping");
              assertThat(request.params()).isEmpty();
              assertThat(request.isCall()).isFalse();
            });
    assertThat(parse("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"tools/call\",\"params\":{}}"))
        .isInstanceOfSatisfying(
            Incoming.Request.class, request -> assertThat(request.isCall()).isTrue());
    assertThat(parse("{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":null}"))
        .isInstanceOf(Incoming.Notification.class);
    assertThat(parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"))
        .isInstanceOf(Incoming.Reply.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\'',
      value = {
        "{                                                    | -32700",
        "                                                     | -32700",
        "{} {}                                                | -32700",
        "[]                                                   | -32600",
        "1                                                    | -32600",
        "{}                                                   | -32600",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}        | -32600",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}     | -32600",
        "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"m\"}      | -32600",
        "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"m\"}       | -32600",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}            | -32600",
        "{\"jsonrpc\":\"2.0\",\"id\":1}                         | -32600",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[]} | -32600",
      })
  void whatIsNoMessageIsRefused(String text, int code) {
    McpException refused =
        catchThrowableOfType(McpException.class, () -> parse(text == null ? "" : text));
    assertThat(refused).isNotNull();
    assertThat(refused.code()).isEqualTo(code);
  }

  @Test
  void deepNestingAndBadUtf8AreRefused() {
    McpException deep = catchThrowableOfType(McpException.class, () -> parse("[".repeat(100_000)));
    assertThat(deep.code()).isEqualTo(McpException.PARSE_ERROR);
    McpException bytes =
        catchThrowableOfType(McpException.class, () -> Incoming.parse(new byte[] {'"', -1, '"'}));
    assertThat(bytes.code()).isEqualTo(McpException.PARSE_ERROR);
  }

  private static Incoming parse(String text) {
    return Incoming.parse(text.getBytes(StandardCharsets.UTF_8));
  }
}
