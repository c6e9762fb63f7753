package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.PodflareException;
import dev.podflare.network.EgressPolicy.Default;
import dev.podflare.network.Internet.EchoServer;
import dev.podflare.network.Internet.UdpEcho;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Attacks from within a guest, with IPv6. Each is seen to fail, then its guard is taken out of the
 * packet filter and the same attack is seen to succeed.
 */
class Slot6AttackTest {
  private static final String INSTANCE = "5e11510a";
  private static final String TABLE = "inet podflare_" + INSTANCE;

  /** Private ones and those that carry addresses of IPv4, closed and open ones. */
  private static final List<String> CLOSED =
      List.of(
          Internet.METADATA6,
          Internet.PRIVATE6,
          Internet.NAT64_METADATA,
          Internet.NAT64_SERVER,
          Internet.SIX_TO_FOUR,
          Internet.TEREDO);

  private Internet internet;
  private NetworkConfig config;
  private Network network;
  private Slot slot;
  private Guest guest;

  @BeforeEach
  void open() {
    internet = Internet.withIpv6();
    config = NetworkConfig.defaults().withHostNamespace(internet.host.path());
    network = Network.open(config, INSTANCE);
    slot = network.makeSlot();
    slot.apply(EgressPolicy.OPEN);
    guest = internet.guest(slot);
  }

  @AfterEach
  void close() {
    network.close();
    internet.close();
  }

  private static String inSlot(Slot of, String commands) {
    return Guest.nft(of.namespace(), commands);
  }

  @Test
  void privateAddressesAndEveryFormThatCarriesIpv4() {
    CLOSED.forEach(address -> internet.tcp(internet.outside, address, 80));
    internet.tcp(internet.outside, Internet.ISATAP, 80);
    for (EgressPolicy policy :
        List.of(
            EgressPolicy.OPEN,
            EgressPolicy.parse(Default.DENY, List.of("::/0", "fd00:ec2::254"), List.of(), true))) {
      slot.apply(policy);
      CLOSED.forEach(it -> assertThat(guest.tcp(it, 80)).as(it).isEqualTo("refused"));
      assertThat(guest.tcp(Internet.ISATAP, 80)).isEqualTo("refused");
      CLOSED.forEach(
          it -> assertThat(network.access().alwaysDenied(Internet.address(it))).as(it).isTrue());
      assertThat(network.access().alwaysDenied(Internet.address(Internet.ISATAP))).isTrue();
    }

    internet.host.nft("flush set " + TABLE + " always_denied6");
    CLOSED.forEach(it -> assertThat(guest.tcp(it, 80)).as(it).isEqualTo("open"));
    assertThat(guest.tcp(Internet.ISATAP, 80)).isEqualTo("refused");
    internet.host.nft("flush chain " + TABLE + " closed_here6");
    assertThat(guest.tcp(Internet.ISATAP, 80)).isEqualTo("open");
  }

  @Test
  void neighboursOfTheHostWithPublicAddresses() {
    internet.tcp(internet.outside, Internet.NEIGHBOUR6, 80);
    assertThat(guest.tcp(Internet.NEIGHBOUR6, 80)).isEqualTo("refused");
    assertThat(network.access().alwaysDenied(Internet.address(Internet.NEIGHBOUR6))).isTrue();

    internet.host.nft("flush set " + TABLE + " neighbours6");
    assertThat(guest.tcp(Internet.NEIGHBOUR6, 80)).isEqualTo("open");

    network.close();
    NetworkConfig opened = config.withExceptions(List.of(Cidr.parse("2001:db8:1::/64")));
    network = Network.open(opened, INSTANCE);
    Slot listed = network.makeSlot();
    listed.apply(EgressPolicy.OPEN);
    Guest other = internet.guest(listed);
    assertThat(other.tcp(Internet.NEIGHBOUR6, 80)).isEqualTo("open");
    internet.tcp(internet.host, "::", 22);
    assertThat(other.tcp(Internet.HOST_PUBLIC6, 22)).isEqualTo("refused");
  }

  @Test
  void aNeighbourhoodThatComesLaterIsClosedToo() {
    String later = "2001:db8:9::1";
    internet.outside.links(links -> links.addAddress(1, Internet.address(later), 128));
    internet.tcp(internet.outside, later, 80);
    assertThat(guest.tcp(later, 80)).isEqualTo("open");

    internet.host.links(
        links -> links.addAddress(links.index("uplink"), Internet.address("2001:db8:9::2"), 64));
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> network.access().alwaysDenied(Internet.address(later)));
    assertThat(guest.tcp(later, 80)).isEqualTo("refused");
  }

  @Test
  void portsOfTheHostOnAnyOfItsAddresses() {
    Plan plan = new Plan(INSTANCE, network.range());
    String gate = Addresses.text(plan.gate6());
    internet.tcp(internet.host, "::", 22);

    assertThat(guest.tcp(Internet.HOST_PUBLIC6, 22)).isEqualTo("refused");
    assertThat(guest.tcp(gate, 22)).isEqualTo("refused");
    assertThat(guest.tcp(Addresses.text(plan.place(0).outer6()), 22)).isNotEqualTo("open");
    assertThat(guest.tcp(Slot.GATEWAY_ADDRESS6, 22)).isEqualTo("refused");

    internet.host.nft("flush chain " + TABLE + " input");
    assertThat(guest.tcp(Internet.HOST_PUBLIC6, 22)).isEqualTo("open");
    assertThat(guest.tcp(gate, 22)).isEqualTo("open");
  }

  @Test
  void aNeighbourSlot() throws Exception {
    Slot neighbour = network.makeSlot();
    neighbour.apply(EgressPolicy.OPEN);
    Guest victim = internet.guest(neighbour);
    Plan plan = new Plan(INSTANCE, network.range());
    String outer = Addresses.text(plan.place(neighbour.index()).outer6());
    try (var listening = victim.listen(8080)) {
      Thread.ofVirtual().start(() -> answer(listening));

      assertThat(guest.tcp(outer, 8080)).isEqualTo("refused");
      assertThat(guest.tcp(Addresses.text(plan.place(77).outer6()), 8080)).isEqualTo("refused");

      internet.host.nft("flush chain " + TABLE + " forward");
      inSlot(
          neighbour,
          "flush chain inet slot prerouting\n"
              + "add rule inet slot prerouting ip6 daddr "
              + outer
              + " dnat ip6 to "
              + Slot.GUEST_ADDRESS6
              + "\nflush chain inet slot downward\nadd rule inet slot downward accept");
      assertThat(guest.tcp(outer, 8080)).isEqualTo("open");
    }
  }

  private static void answer(ServerSocket listening) {
    try (Socket peer = listening.accept()) {
      peer.getOutputStream().write(peer.getInputStream().readNBytes(5));
    } catch (IOException e) {
      // The test is over.
    }
  }

  @Test
  void protocolsThatNoRuleCanName() throws Exception {
    String fourInSix = "4";
    assertThat(heardAfterSending(fourInSix)).isEqualTo("none");
    assertThat(slot.report().refused()).containsEntry("unchecked", 1L);

    internet.rewrite(
        TABLE, "decide6", "meta l4proto != { tcp, udp, ipv6-icmp } goto refuse_unchecked6", "");
    assertThat(heardAfterSending(fourInSix)).isEqualTo("heard");
  }

  private String heardAfterSending(String protocol) throws Exception {
    Process ear = Guest.framesStarted(internet.outside, "hear", protocol, "6");
    var output = ear.inputReader();
    assertThat(output.readLine()).isEqualTo("listening");
    assertThat(Guest.frames(guest.namespace, "protocol", Internet.SERVER6, protocol)).isEmpty();
    return output.readLine();
  }

  @Test
  void quicUnderADomainRule() {
    UdpEcho quic = internet.udp(internet.outside, Internet.SERVER6, 443);
    slot.apply(EgressPolicy.parse(Default.DENY, List.of("example.com"), List.of(), true));
    network
        .access()
        .pin(
            slot.outer(),
            "example.com",
            List.of(Internet.address(Internet.SERVER6)),
            Duration.ofMinutes(1));

    assertThat(guest.udp(Internet.SERVER6, 443)).isEqualTo("refused");
    assertThat(quic.heard.get()).isZero();
    assertThat(slot.report().refused()).containsEntry("unchecked", 1L);

    internet.host.nft(
        "flush chain "
            + TABLE
            + " refuse_by_name_pinned6\n"
            + "add rule "
            + TABLE
            + " refuse_by_name_pinned6 goto settle6");
    assertThat(guest.udp(Internet.SERVER6, 443)).isEqualTo("open");
  }

  @Test
  void aConnectionKeptOpenOverAChangeOfPolicy() throws Exception {
    EchoServer server = internet.tcp(internet.outside, Internet.SERVER6, 80);
    String outer = Addresses.text(new Plan(INSTANCE, network.range()).place(0).outer6());
    Socket kept = guest.connect(Internet.SERVER6, 80);
    assertThat(Guest.say(kept, "a")).isEqualTo("a");
    String generation =
        internet
            .host
            .nft("get element " + TABLE + " generations6 { " + outer + " }")
            .replaceAll("(?s).* : (0x[0-9a-f]+).*", "$1");
    slot.apply(EgressPolicy.SHUT);
    Socket other = kept;
    assertThat(server.received()).isEqualTo("a");
    internet.host.nft("add element " + TABLE + " current6 { " + outer + " . " + generation + " }");
    assertThat(Guest.say(other, "c")).isEqualTo("c");
    internet.host.nft(
        "delete element " + TABLE + " current6 { " + outer + " . " + generation + " }");
    assertThat(Guest.isCut(other)).isTrue();
    assertThat(server.received()).isEqualTo("ac");
  }

  @Test
  void aConnectionOfTheSlotsEarlierUser() throws Exception {
    UdpEcho server = internet.udp(internet.outside, Internet.SERVER6, 9000);
    guest.speak(5000, Internet.SERVER6, 9000);
    await().until(() -> server.heard.get() == 1);
    guest.close();

    slot.scrub();
    slot.apply(EgressPolicy.OPEN);
    assertThat(internet.guest(slot).hears(5000, server)).isFalse();

    Slot unscrubbed = network.makeSlot();
    unscrubbed.apply(EgressPolicy.OPEN);
    guest = internet.guest(unscrubbed);
    guest.speak(5000, Internet.SERVER6, 9000);
    await().until(() -> server.heard.get() == 2);
    guest.close();
    unscrubbed.apply(EgressPolicy.SHUT);
    unscrubbed.apply(EgressPolicy.OPEN);
    assertThat(internet.guest(unscrubbed).hears(5000, server)).isTrue();
  }

  @Test
  void echoRequestsOfAShutSlot() {
    slot.apply(EgressPolicy.SHUT);
    assertThat(guest.ping(Internet.SERVER6)).isEqualTo("refused");

    internet.rewrite(TABLE, "decide6", "goto refuse_policy6", "goto settle6");
    assertThat(guest.ping(Internet.SERVER6)).isEqualTo("open");
  }

  @Test
  void connectionsOfBothVersionsCountTogether() {
    network.close();
    network =
        Network.open(
            config.withLimits(new SlotLimits(25_000_000, 50_000_000, 20_000, 20, 1000)), INSTANCE);
    slot = network.makeSlot();
    slot.apply(EgressPolicy.OPEN);
    guest = internet.guest(slot);
    internet.tcp(internet.outside, Internet.SERVER, 80);
    internet.tcp(internet.outside, Internet.SERVER6, 80);

    int four = opened(Internet.SERVER, 15);
    int six = opened(Internet.SERVER6, 15);
    assertThat(four).isEqualTo(15);
    assertThat(six).isBetween(3, 6);
    assertThat(slot.report().refused().get("limited_connections")).isGreaterThan(5);

    inSlot(slot, "flush chain inet slot upward\nadd rule inet slot upward accept");
    assertThat(opened(Internet.SERVER6, 15)).isEqualTo(15);
  }

  private int opened(String address, int tries) {
    int opened = 0;
    for (int i = 0; i < tries; i++) {
      try {
        if (guest.connect(address, 80).isConnected()) {
          opened++;
        }
      } catch (PodflareException refused) {
        // That is the limit.
      }
    }
    return opened;
  }

  @Test
  void theHypervisorItselfHasNoNetwork() {
    EchoServer server = internet.tcp(internet.outside, Internet.SERVER6, 80);
    try (Namespace inside = Namespace.at(slot.namespace())) {
      assertThat(Guest.tcpFrom(inside, Internet.SERVER6, 80)).isEqualTo("silent");
      assertThat(server.accepted()).isZero();
      inSlot(slot, "flush chain inet slot output\nadd rule inet slot input accept");
      assertThat(Guest.tcpFrom(inside, Internet.SERVER6, 80)).isEqualTo("open");
    }
  }
}
