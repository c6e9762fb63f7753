package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpHeadTest {
  private static Optional<HttpHead> read(String text) {
    return HttpHead.read(text.replace("|", "\r\n") + "\r\n\r\n", true);
  }

  private static Optional<Opening> opening(String text) {
    return Opening.of(ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1)));
  }

  @ParameterizedTest
  @CsvSource({
    "GET / HTTP/1.1|Host: Example.COM, example.com",
    "GET / HTTP/1.1|Host:example.com.:8080, example.com",
    "GET / HTTP/1.1|hOsT: \t example.com \t, example.com",
    "POST /x?y HTTP/1.0|Host: example.com, example.com",
    "GET http://example.com/ HTTP/1.1|Host: example.com, example.com",
    "OPTIONS * HTTP/1.1|Host: example.com, example.com",
    "GET / HTTP/1.1|Host: 203.0.113.5, ''",
    "GET / HTTP/1.1|Host: [2001:db8::1]:80, ''",
    "GET / HTTP/1.0|Accept: x, ''",
  })
  void findsTheHost(String text, String host) {
    assertThat(read(text).orElseThrow().host().orElse("")).isEqualTo(host);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET / HTTP/1.1",
        "GET / HTTP/1.1|Host: a.example|Host: b.example",
        "GET / HTTP/1.1|Host : a.example",
        "GET / HTTP/1.1| Host: a.example",
        "GET / HTTP/1.1|Host: a.example| folded",
        "GET / HTTP/1.1|Host: a.example\nHost: b.example",
        "GET / HTTP/1.1\nHost: b.example|Host: a.example",
        "GET  / HTTP/1.1|Host: a.example",
        "GET / HTTP/1.1 |Host: a.example",
        "GET / HTTP/2.0|Host: a.example",
        "PRI * HTTP/2.0",
        "CONNECT b.example:443 HTTP/1.1|Host: a.example",
        "GET http://b.example/ HTTP/1.1|Host: a.example",
        "GET http://a.example@b.example/ HTTP/1.1|Host: a.example",
        "GET b.example HTTP/1.1|Host: a.example",
        "GET ftp://a.example/ HTTP/1.1|Host: a.example",
        "GET / HTTP/1.1|Host: a.example, b.example",
        "GET / HTTP/1.1|Host: a.example@b.example",
        "GET / HTTP/1.1|Host: 0x7f.1",
        "GET / HTTP/1.1|Host: a.example\0b",
        "GET / HTTP/1.1|Host: a.example|X\0: 1",
        "GET / HTTP/1.1|Host: a.example|X: a\rHost: b",
        "POST / HTTP/1.1|Host: a.example|Content-Length: 1|Content-Length: 2",
        "POST / HTTP/1.1|Host: a.example|Content-Length: +1",
        "POST / HTTP/1.1|Host: a.example|Content-Length: 1, 1",
        "POST / HTTP/1.1|Host: a.example|Content-Length: 1|Transfer-Encoding: chunked",
        "POST / HTTP/1.1|Host: a.example|Transfer-Encoding: gzip, chunked",
        "POST / HTTP/1.1|Host: a.example|Transfer-Encoding: xchunked",
        "POST / HTTP/1.1|Host: a.example|Transfer-Encoding: chunked|Transfer-Encoding: identity",
        "POST / HTTP/1.0|Host: a.example|Transfer-Encoding: chunked",
        "GET / HTTP/1.1|Host: a.example|nocolon",
        "GET / HTTP/1.1|Host: a.example|: x"
      })
  void refusesWhatTwoProgramsCouldReadDifferently(String text) {
    assertThat(read(text)).isEmpty();
  }

  @Test
  void knowsHowLongABodyIs() {
    String post = "POST / HTTP/1.1|Host: a.example|";
    assertThat(read(post + "Content-Length: 12").orElseThrow().length())
        .isEqualTo(OptionalLong.of(12));
    assertThat(read(post + "Transfer-Encoding: Chunked").orElseThrow().length()).isEmpty();
    assertThat(read(post + "X: y").orElseThrow().length()).isEqualTo(OptionalLong.of(0));
  }

  @Test
  void onlyWebSocketMayTakeAConnectionOver() {
    String socket = "GET / HTTP/1.1|Host: a.example|Connection: Upgrade|Upgrade: websocket";
    assertThat(read(socket).orElseThrow().webSocket()).isTrue();
    HttpHead later = HttpHead.read(socket.replace("|", "\r\n") + "\r\n\r\n", false).orElseThrow();
    assertThat(later.webSocket()).isFalse();
    assertThat(later.text()).doesNotContainIgnoringCase("upgrade");
    HttpHead http2 =
        read("GET / HTTP/1.1|Connection: Upgrade, HTTP2-Settings, keep-alive|Host: a.example"
                + "|HTTP2-Settings: AAE|Upgrade: h2c|User-Agent: x")
            .orElseThrow();
    assertThat(http2.webSocket()).isFalse();
    assertThat(http2.text())
        .isEqualTo(
            "GET / HTTP/1.1\r\nConnection: keep-alive\r\nHost: a.example\r\nUser-Agent: x\r\n\r\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\nGET / HTTP/1.1\n",
        " GET / HTTP/1.1\n\n",
      })
  void whatForgivingServersTakeForHttpIsUnreadable(String text) {
    assertThat(opening(text)).contains(new Opening.Unreadable());
  }

  @Test
  void tellsHttpFromTheRest() {
    assertThat(opening("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).contains(new Opening.Http());
    assertThat(opening("get\t/\u0080 http/1.1\r\n\r\n")).contains(new Opening.Http());
    assertThat(opening("GET / HTTP/1.1\r\nHost: a\r\n")).isEmpty();
    assertThat(opening("GET / HTT")).isEmpty();
    assertThat(opening("GE")).isEmpty();
    assertThat(opening("SSH-2.0-OpenSSH_9.2p1 Debian\r\n")).contains(new Opening.Other());
    assertThat(opening("\u0000\u0001")).contains(new Opening.Other());
    assertThat(opening("AB\u0000")).contains(new Opening.Other());
  }
}
