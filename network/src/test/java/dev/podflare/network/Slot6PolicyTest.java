package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.network.EgressPolicy.Default;
import dev.podflare.network.Internet.EchoServer;
import dev.podflare.network.Internet.UdpEcho;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a policy lets pass of IPv6, in a real kernel. */
class Slot6PolicyTest {
  private static final String INSTANCE = "5e11510e";
  private Internet internet;
  private NetworkConfig config;
  private Network network;
  private Slot slot;
  private Guest guest;
  private EchoServer web;

  @BeforeEach
  void open() {
    internet = Internet.withIpv6();
    config = NetworkConfig.defaults().withHostNamespace(internet.host.path());
    network = Network.open(config, INSTANCE);
    slot = network.makeSlot();
    guest = internet.guest(slot);
    web = internet.tcp(internet.outside, Internet.SERVER6, 443);
  }

  @AfterEach
  void close() {
    network.close();
    internet.close();
  }

  private static EgressPolicy deny(String... allow) {
    return EgressPolicy.parse(Default.DENY, List.of(allow), List.of(), true);
  }

  @Test
  void aFreshSlotIsShutAndAnOpenOneReachesTheInternetAsTheHost() {
    internet.udp(internet.outside, Internet.SERVER6, 9000);
    assertThat(guest.tcp(Internet.SERVER6, 443)).isEqualTo("refused");
    assertThat(guest.udp(Internet.SERVER6, 9000)).isEqualTo("refused");

    slot.apply(EgressPolicy.OPEN);
    assertThat(guest.tcp(Internet.SERVER6, 443)).isEqualTo("open");
    assertThat(guest.udp(Internet.SERVER6, 9000)).isEqualTo("open");
    assertThat(web.peers).containsExactly(Internet.HOST_PUBLIC6);
  }

  @Test
  void theFirstPacketOfACopyInAnotherSlotArrives() {
    Slot other = network.makeSlot();
    other.apply(EgressPolicy.OPEN);
    assertThat(internet.guest(other).tcp(Internet.SERVER6, 443)).isEqualTo("open");
    assertThat(other.report().refused()).containsEntry("spoofed", 0L);
  }

  @Test
  void addressRulesWithAndWithoutPorts() {
    internet.tcp(internet.outside, Internet.SERVER6, 80);
    internet.tcp(internet.outside, Internet.OTHER_SERVER6, 80);
    slot.apply(
        EgressPolicy.parse(
            Default.DENY,
            List.of("[2001:db8:2::/124]:443", "2001:db8:2::20", "[2001:db8:2::10]:443"),
            List.of("[2001:db8:2::20]:81"),
            false));
    assertThat(guest.tcp(Internet.SERVER6, 80)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.SERVER6, 443)).isEqualTo("open");
    assertThat(guest.tcp(Internet.OTHER_SERVER6, 80)).isEqualTo("open");

    slot.apply(
        EgressPolicy.parse(
            Default.ALLOW, List.of("[2001:db8:2::10]:443"), List.of("2001:db8:2::/123"), true));
    assertThat(guest.tcp(Internet.SERVER6, 443)).isEqualTo("open");
    assertThat(guest.tcp(Internet.SERVER6, 80)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.OTHER_SERVER6, 80)).isEqualTo("open");
  }

  @Test
  void aRuleForOneVersionSaysNothingOfTheOther() {
    internet.tcp(internet.outside, Internet.SERVER, 443);
    slot.apply(deny("203.0.113.10"));
    assertThat(guest.tcp(Internet.SERVER, 443)).isEqualTo("open");
    assertThat(guest.tcp(Internet.SERVER6, 443)).isEqualTo("refused");
    slot.apply(deny("::/0"));
    assertThat(guest.tcp(Internet.SERVER, 443)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.SERVER6, 443)).isEqualTo("open");
  }

  @Test
  void aChangeOfPolicyHoldsForOpenConnections() throws Exception {
    slot.apply(EgressPolicy.OPEN);
    Socket connection = guest.connect(Internet.SERVER6, 443);
    assertThat(Guest.say(connection, "one")).isEqualTo("one");

    slot.apply(deny("2001:db8:2::10"));
    assertThat(Guest.say(connection, "two")).isEqualTo("two");

    slot.apply(EgressPolicy.SHUT);
    assertThat(Guest.isCut(connection)).isTrue();
    assertThat(web.received()).isEqualTo("onetwo");
  }

  @Test
  void refusalsAreCountedAndTold() {
    slot.apply(EgressPolicy.parse(Default.ALLOW, List.of(), List.of("[2001:db8:2::20]:81"), true));
    assertThat(guest.tcp(Internet.OTHER_SERVER6, 81)).isEqualTo("refused");
    assertThat(guest.udp(Internet.METADATA6, 80)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.SERVER6, 443)).isEqualTo("open");

    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() -> assertThat(slot.report().last()).hasSize(2));
    SlotReport report = slot.report();
    assertThat(report.last().getFirst().rule()).isEqualTo("deny [2001:db8:2::20]:81");
    assertThat(report.last().getFirst().port()).hasValue(81);
    assertThat(report.last().getFirst().protocol()).isEqualTo("tcp");
    assertThat(report.last().getFirst().addressText()).contains("2001:db8:2::20");
    assertThat(report.last().getLast().rule()).isEqualTo("always denied");
    assertThat(report.last().getLast().protocol()).isEqualTo("udp");
    assertThat(report.refused()).containsEntry("policy", 1L).containsEntry("always", 1L);
    assertThat(report.bytesUp()).isPositive();
    assertThat(report.bytesDown()).isPositive();
  }

  @Test
  void scrubbedSlotsForgetConnectionsAndAreAsGoodAsNew() throws Exception {
    UdpEcho server = internet.udp(internet.outside, Internet.SERVER6, 9000);
    slot.apply(EgressPolicy.OPEN);
    assertThat(guest.udp(Internet.SERVER6, 9000)).isEqualTo("open");
    assertThat(tracked()).contains("dst=2001:0db8:0002:");
    guest.close();
    slot.scrub();
    assertThat(tracked()).isEmpty();
    assertThat(slot.report().bytesUp()).isZero();
    server.say("late");
    Guest later = internet.guest(slot);
    assertThat(later.udp(Internet.SERVER6, 9000)).isEqualTo("refused");
    slot.apply(EgressPolicy.OPEN);
    assertThat(later.udp(Internet.SERVER6, 9000)).isEqualTo("open");
  }

  /** IPv6 connections that the host's kernel knows. */
  private String tracked() {
    return internet.host.call(() -> {
      try (var lines =
          java.nio.file.Files.lines(java.nio.file.Path.of("/proc/thread-self/net/nf_conntrack"))) {
        return lines.filter(line -> line.startsWith("ipv6")).toList().toString().replace("[]", "");
      }
    });
  }

  @Test
  void whereItIsOffOrTheHostHasNoneItIsRefusedAtOnce() {
    network.close();
    network = Network.open(config.withoutIpv6(), INSTANCE);
    assertThat(network.ipv6()).isFalse();
    slot = network.makeSlot();
    slot.apply(EgressPolicy.OPEN);
    guest = internet.guest(slot);
    assertThat(guest.tcp(Internet.SERVER6, 443)).isEqualTo("refused");
    assertThat(guest.udp(Internet.SERVER6, 443)).isEqualTo("refused");
    assertThat(web.accepted()).isZero();
    assertThat(slot.report().refused().get("ipv6")).isGreaterThanOrEqualTo(2);

    internet.host.links(links -> links.delete("uplink"));
    assertThat(Network.ipv6Missing(config))
        .hasValueSatisfying(reason -> assertThat(reason).contains("default route"));
    internet.host.run(() -> Sysctl.write("ipv6/conf/all/disable_ipv6", "1"));
    assertThat(Network.ipv6Missing(config))
        .hasValueSatisfying(reason -> assertThat(reason).contains("disable_ipv6"));
  }
}
