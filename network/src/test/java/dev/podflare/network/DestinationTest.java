package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DestinationTest {
  @ParameterizedTest
  @CsvSource({
    "Example.COM., example.com",
    "*.Example.com:8443, *.example.com:8443",
    "bücher.example, xn--bcher-kva.example",
    "*.BÜCHER.example, *.xn--bcher-kva.example",
    "例え。テスト, xn--r8jz45g.xn--zckzah",
    "_dmarc.example.com, _dmarc.example.com",
    "localhost, localhost",
    "203.0.113.5, 203.0.113.5",
    "203.0.113.5/32, 203.0.113.5",
    "203.0.113.0/24:443, 203.0.113.0/24:443",
    "2001:DB8::1, 2001:db8::1",
    "2001:db8::/32, 2001:db8::/32",
    "[2001:db8::/32]:443, [2001:db8::/32]:443",
    "[2001:db8::1], 2001:db8::1",
  })
  void oneSpellingForEach(String written, String canonical) {
    Destination destination = Destination.parse(written);
    assertThat(destination).hasToString(canonical);
    assertThat(Destination.parse(canonical)).isEqualTo(destination);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        ".",
        "*",
        "*.",
        "*.*.com",
        "a.*.com",
        "*example.com",
        "a..b",
        "-a.com",
        "a-.com",
        "http://example.com",
        "example.com/",
        "example.com:",
        "example.com:0",
        "example.com:65536",
        "example.com:443:",
        "example.com:https",
        "example.com:0443",
        "user@example.com",
        "exa mple.com",
        "0177.0.0.1",
        "127.1",
        "127.0.0.01",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "127.0.0.0x1",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.4.",
        "１２７.0.0.1",
        "１２７.１",
        "1.2.3.4/33",
        "1.2.3.4/08",
        "10.0.0.1/8",
        "1.2.3.4/255.0.0.0",
        "1.2.3.4/",
        "::ffff:10.0.0.1",
        "::ffff:0a00:1",
        "fe80::1%eth0",
        "[2001:db8::1",
        "[1.2.3.4]:80",
        "[example.com]:80",
        "2001:db8::1/129",
        "2001:db8::1/32",
        ":::",
        "straße.example",
        "a\u200db.example",
        "example.com\n",
        "com.0x",
        "example.1"
      })
  void everythingElseIsRefusedWithASentence(String written) {
    assertThatThrownBy(() -> Destination.parse(written))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_FIELD));
  }

  @Test
  void lengthIsBounded() {
    assertThatThrownBy(() -> Destination.parse("a".repeat(64) + ".com"))
        .isInstanceOf(PodflareException.class);
    assertThatThrownBy(() -> Destination.parse("a.".repeat(127) + "com"))
        .isInstanceOf(PodflareException.class);
    assertThatThrownBy(() -> Destination.parse("a".repeat(100_000))).hasMessageContaining("100000");
  }

  @Test
  void hostBitsAreNamedWithTheFix() {
    assertThatThrownBy(() -> Cidr.parse("10.1.2.3/8")).hasMessageContaining("write 10.0.0.0/8");
  }
}
