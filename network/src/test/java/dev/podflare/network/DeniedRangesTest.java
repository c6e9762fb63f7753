package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeniedRangesTest {
  private static final Cidr SLOTS = Cidr.parse("10.213.0.0/16");

  private static DeniedRanges with(List<String> exceptions, String... host) {
    Set<InetAddress> addresses =
        Set.copyOf(java.util.Arrays.stream(host).map(InetAddress::ofLiteral).toList());
    return new DeniedRanges(SLOTS, exceptions.stream().map(Cidr::parse).toList(), () -> addresses);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "10.213.0.9",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a00:1::5",
        "2001:0:a00:1::1",
        "2001:0:4136:e378:8000:63bf:5601:5601",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::5efe:a00:1",
        "2001:db8::200:5efe:a9fe:a9fe",
        "203.0.113.77",
        "::ffff:203.0.113.77",
        "64:ff9b::cb00:714d",
        "2001:db8::77"
      })
  void closedInEveryForm(String address) {
    DeniedRanges ranges = with(List.of(), "203.0.113.77", "2001:db8::77");
    assertThat(ranges.contains(InetAddress.ofLiteral(address))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.0.1",
        "172.32.0.1", "192.0.1.1", "192.169.0.1", "198.17.0.1", "198.20.0.1", "203.0.113.78",
        "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::", "2001:db8::78"
      })
  void theRestIsNot(String address) {
    DeniedRanges ranges = with(List.of(), "203.0.113.77", "2001:db8::77");
    assertThat(ranges.contains(InetAddress.ofLiteral(address))).isFalse();
  }

  @Test
  void exceptionsOpenRangesButNeitherSlotsNorTheHost() {
    DeniedRanges ranges = with(List.of("10.0.0.0/8"), "10.1.1.1", "10.1.1.2");
    assertThat(ranges.contains(InetAddress.ofLiteral("10.9.9.9"))).isFalse();
    assertThat(ranges.contains(InetAddress.ofLiteral("::ffff:10.9.9.9"))).isFalse();
    assertThat(ranges.contains(InetAddress.ofLiteral("10.213.4.4"))).isTrue();
    assertThat(ranges.contains(InetAddress.ofLiteral("10.1.1.1"))).isTrue();
    DeniedRanges one = with(List.of("10.0.0.0/8", "10.1.1.1"), "10.1.1.1", "10.1.1.2");
    assertThat(one.contains(InetAddress.ofLiteral("10.1.1.1"))).isFalse();
    assertThat(one.closedHostAddresses()).containsExactly(InetAddress.ofLiteral("10.1.1.2"));
  }
}
