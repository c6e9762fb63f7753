package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.network.EgressPolicy.Default;
import dev.podflare.network.Internet.EchoServer;
import java.net.Inet4Address;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a policy lets pass, in a real kernel. */
class SlotPolicyTest {
  private static final String INSTANCE = "5e115101";
  private Internet internet;
  private Network network;
  private Slot slot;
  private Guest guest;
  private EchoServer web;
  private final List<Inet4Address> rechecked = new CopyOnWriteArrayList<>();

  @BeforeEach
  void open() {
    internet = Internet.create();
    network =
        Network.open(NetworkConfig.defaults().withHostNamespace(internet.host.path()), INSTANCE);
    slot = network.makeSlot();
    guest = internet.guest(slot);
    web = internet.tcp(internet.outside, Internet.SERVER, 443);
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
  void aFreshSlotIsShut() {
    assertThat(guest.tcp(Internet.SERVER, 443)).isEqualTo("refused");
    assertThat(guest.udp(Internet.SERVER, 443)).isEqualTo("refused");
  }

  @Test
  void anOpenPolicyReachesTheInternetAsTheHost() {
    internet.udp(internet.outside, Internet.SERVER, 9000);
    slot.apply(EgressPolicy.OPEN);

    assertThat(guest.tcp(Internet.SERVER, 443)).isEqualTo("open");
    assertThat(guest.udp(Internet.SERVER, 9000)).isEqualTo("open");
    assertThat(web.peers).containsExactly(Internet.HOST_PUBLIC);
  }

  @Test
  void addressRulesWithAndWithoutPorts() {
    internet.tcp(internet.outside, Internet.SERVER, 80);
    internet.tcp(internet.outside, Internet.OTHER_SERVER, 80);
    slot.apply(
        EgressPolicy.parse(
            Default.DENY,
            List.of("203.0.113.0/28:443", "203.0.113.20", "203.0.113.10/32:443"),
            List.of("203.0.113.20:81"),
            false));

    assertThat(guest.tcp(Internet.SERVER, 443)).isEqualTo("open");
    assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.OTHER_SERVER, 80)).isEqualTo("open");

    slot.apply(
        EgressPolicy.parse(
            Default.ALLOW, List.of("203.0.113.10:443"), List.of("203.0.113.10"), true));

    assertThat(guest.tcp(Internet.SERVER, 443)).isEqualTo("open");
    assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.OTHER_SERVER, 80)).isEqualTo("open");
  }

  @Test
  void aChangeOfPolicyHoldsForOpenConnections() throws Exception {
    slot.apply(EgressPolicy.OPEN);
    Socket connection = guest.connect(Internet.SERVER, 443);
    assertThat(Guest.say(connection, "one")).isEqualTo("one");

    slot.apply(deny("203.0.113.10"));
    assertThat(Guest.say(connection, "two")).isEqualTo("two");

    slot.apply(EgressPolicy.SHUT);
    assertThat(Guest.isCut(connection)).isTrue();
    assertThat(web.received()).isEqualTo("onetwo");
  }

  @Test
  void namesGoToTheGateAndOnlyWhereTheResolverPointed() throws Exception {
    EchoServer gate = internet.tcp(internet.host, "10.213.0.1", 8443);
    EchoServer resolver = internet.tcp(internet.host, "10.213.0.1", 5353);
    internet.udp(internet.host, "10.213.0.1", 5353);
    network.serve(new Services(5353, 8443, rechecked::add, any -> {}));
    slot.apply(deny("example.com"));
    assertThat(rechecked).containsExactly(slot.outer());

    assertThat(guest.tcp(Internet.SERVER, 443)).isEqualTo("refused");
    network
        .access()
        .pin(
            slot.outer(),
            "example.com",
            List.of(Internet.address(Internet.SERVER)),
            Duration.ofMinutes(1));
    assertThat(guest.tcp(Internet.SERVER, 443)).isEqualTo("open");
    assertThat(gate.peers).containsExactly("10.213.0.2");
    assertThat(web.accepted()).isZero();
    assertThat(guest.tcp(Slot.GATEWAY_ADDRESS, 53)).isEqualTo("open");
    assertThat(guest.udp(Slot.GATEWAY_ADDRESS, 53)).isEqualTo("open");
    assertThat(resolver.peers).containsExactly("10.213.0.2");

    Socket relayed = guest.connect(Internet.SERVER, 443);
    assertThat(Guest.say(relayed, "one")).isEqualTo("one");
    slot.apply(EgressPolicy.SHUT);
    assertThat(Guest.isCut(relayed)).isTrue();
  }

  @Test
  void underDefaultAllowOnlyPortsWithNamesGoToTheGate() {
    EchoServer gate = internet.tcp(internet.host, "10.213.0.1", 8443);
    internet.tcp(internet.outside, Internet.SERVER, 22);
    internet.udp(internet.outside, Internet.SERVER, 443);
    network.serve(new Services(5353, 8443, any -> {}, any -> {}));
    slot.apply(EgressPolicy.parse(Default.ALLOW, List.of(), List.of("*.evil.example"), true));

    assertThat(guest.tcp(Internet.SERVER, 22)).isEqualTo("open");
    assertThat(gate.accepted()).isZero();
    assertThat(guest.tcp(Internet.SERVER, 443)).isEqualTo("open");
    assertThat(gate.accepted()).isEqualTo(1);
    assertThat(guest.udp(Internet.SERVER, 443)).isEqualTo("refused");
  }

  @Test
  void theHostReachesTheGuestAndNobodyElseDoes() throws Exception {
    slot.apply(EgressPolicy.SHUT);
    try (var inside = guest.listen(8080)) {
      String outer = Addresses.text(slot.outer());
      try (Socket socket = internet.host.call(() -> new Socket(Internet.address(outer), 8080))) {
        assertThat(socket.isConnected()).isTrue();
        assertThat(inside.accept().getInetAddress().getHostAddress()).isEqualTo("10.213.0.1");
      }
    }
  }

  @Test
  void refusalsAreCountedAndTold() {
    slot.apply(EgressPolicy.parse(Default.ALLOW, List.of(), List.of("203.0.113.20:81"), true));
    assertThat(guest.tcp(Internet.OTHER_SERVER, 81)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.METADATA, 80)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.SERVER, 443)).isEqualTo("open");

    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() -> assertThat(slot.report().last()).hasSize(2));
    SlotReport report = slot.report();
    assertThat(report.last().getFirst().rule()).isEqualTo("deny 203.0.113.20:81");
    assertThat(report.last().getFirst().port()).hasValue(81);
    assertThat(report.last().getFirst().protocol()).isEqualTo("tcp");
    assertThat(report.last().getLast().rule()).isEqualTo("always denied");
    assertThat(report.refused()).containsEntry("policy", 1L).containsEntry("always", 1L);
    assertThat(report.bytesUp()).isPositive();
    assertThat(report.bytesDown()).isPositive();
  }
}
