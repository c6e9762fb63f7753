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
 * Attacks from within a guest. Each is seen to fail, then its guard is taken out of the packet
 * filter and the same attack is seen to succeed, so that the test is known to test the guard.
 */
class SlotAttackTest {
  private static final String INSTANCE = "5e115102";
  private static final String TABLE = "inet podflare_" + INSTANCE;
  private Internet internet;
  private Network network;
  private Slot slot;
  private Guest guest;

  @BeforeEach
  void open() {
    internet = Internet.create();
    network =
        Network.open(NetworkConfig.defaults().withHostNamespace(internet.host.path()), INSTANCE);
    slot = network.makeSlot();
    slot.apply(EgressPolicy.OPEN);
    guest = internet.guest(slot);
  }

  @AfterEach
  void close() {
    network.close();
    internet.close();
  }

  private String inSlot(Slot of, String commands) {
    return Guest.nft(of.namespace(), commands);
  }

  @Test
  void metadataAndPrivateAddresses() {
    EchoServer metadata = internet.tcp(internet.outside, Internet.METADATA, 80);
    internet.tcp(internet.outside, Internet.PRIVATE, 5432);

    assertThat(guest.tcp(Internet.METADATA, 80)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.PRIVATE, 5432)).isEqualTo("refused");
    slot.apply(
        EgressPolicy.parse(Default.DENY, List.of("169.254.169.254", "0.0.0.0/0"), List.of(), true));
    assertThat(guest.tcp(Internet.METADATA, 80)).isEqualTo("refused");
    assertThat(metadata.accepted()).isZero();

    internet.host.nft("flush set " + TABLE + " always_denied");
    assertThat(guest.tcp(Internet.METADATA, 80)).isEqualTo("open");
    assertThat(guest.tcp(Internet.PRIVATE, 5432)).isEqualTo("open");
  }

  @Test
  void aPrivateAddressInEverySpellingThatResolversTake() {
    EchoServer metadata = internet.tcp(internet.outside, Internet.METADATA, 80);
    List<String> spellings =
        List.of(
            "2852039166",
            "0251.0376.0251.0376",
            "0xa9fea9fe",
            "169.16689662",
            "::ffff:169.254.169.254");
    spellings.forEach(it -> assertThat(guest.dial(it, 80)).as(it).isEqualTo("refused"));
    assertThat(metadata.accepted()).isZero();

    internet.host.nft("flush set " + TABLE + " always_denied");
    spellings.forEach(it -> assertThat(guest.dial(it, 80)).as(it).isEqualTo("open"));
  }

  @Test
  void echoRequestsOfAShutSlot() {
    slot.apply(EgressPolicy.SHUT);
    assertThat(guest.ping(Internet.SERVER)).isEqualTo("refused");

    internet.rewrite(TABLE, "decide", "goto refuse_policy", "goto settle");
    assertThat(guest.ping(Internet.SERVER)).isEqualTo("open");
  }

  @Test
  void portsOfTheHostOnAnyOfItsAddresses() {
    internet.tcp(internet.host, "0.0.0.0", 22);

    for (String address : List.of(Internet.HOST_PUBLIC, "10.213.0.1", "10.213.0.2")) {
      assertThat(guest.tcp(address, 22)).as(address).isNotEqualTo("open");
    }
    assertThat(guest.tcp(Internet.HOST_PUBLIC, 22)).isEqualTo("refused");
    assertThat(guest.tcp("10.213.0.1", 22)).isEqualTo("refused");

    internet.host.nft("flush chain " + TABLE + " input");
    assertThat(guest.tcp(Internet.HOST_PUBLIC, 22)).isEqualTo("open");
    assertThat(guest.tcp("10.213.0.1", 22)).isEqualTo("open");
  }

  @Test
  void aPortThatTheHostPublishesForAContainer() {
    internet.tcp(internet.outside, Internet.SERVER, 80);
    internet.host.nft(
        """
        table ip published {
          chain pre {
            type nat hook prerouting priority dstnat;
            ip daddr 198.51.100.2 tcp dport 8080 dnat to 203.0.113.10:80
          }
        }
        """);

    assertThat(guest.tcp(Internet.HOST_PUBLIC, 8080)).isEqualTo("refused");

    internet.rewrite(
        TABLE, "outbound", "ct status dnat ct direction original goto refuse_always", "");
    assertThat(guest.tcp(Internet.HOST_PUBLIC, 8080)).isEqualTo("open");
  }

  @Test
  void aPortOfTheHostsLoopbackThatItPublishes() {
    EchoServer server = internet.tcp(internet.host, "127.0.0.1", 8080);
    internet.host.nft(
        """
        table ip published {
          chain pre {
            type nat hook prerouting priority dstnat;
            ip daddr 198.51.100.2 tcp dport 8080 dnat to 127.0.0.1:8080
          }
        }
        """);
    assertThat(guest.tcp(Internet.HOST_PUBLIC, 8080)).isNotEqualTo("open");

    // As container engines set it, so that such a port works.
    internet.host.run(() -> Sysctl.write("ipv4/conf/all/route_localnet", "1"));
    assertThat(guest.tcp(Internet.HOST_PUBLIC, 8080)).isEqualTo("refused");
    assertThat(server.accepted()).isZero();

    internet.host.nft("flush chain " + TABLE + " input");
    assertThat(guest.tcp(Internet.HOST_PUBLIC, 8080)).isEqualTo("open");
  }

  @Test
  void aNeighbourSlot() throws Exception {
    Slot neighbour = network.makeSlot();
    neighbour.apply(EgressPolicy.OPEN);
    Guest victim = internet.guest(neighbour);
    String outer = Addresses.text(neighbour.outer());
    try (var listening = victim.listen(8080)) {
      Thread.ofVirtual().start(() -> answer(listening));

      assertThat(guest.tcp(outer, 8080)).isEqualTo("refused");
      assertThat(guest.tcp("10.213.0.77", 8080)).isEqualTo("refused");

      internet.host.nft("flush chain " + TABLE + " forward");
      inSlot(
          neighbour,
          "flush chain inet slot prerouting\n"
              + "add rule inet slot prerouting ip daddr "
              + outer
              + " dnat ip to 192.0.0.2\n"
              + "flush chain inet slot downward\nadd rule inet slot downward accept");
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
    String sixInFour = "41";
    assertThat(heardAfterSending(sixInFour)).isEqualTo("none");
    assertThat(slot.report().refused()).containsEntry("unchecked", 1L);

    internet.rewrite(
        TABLE, "decide", "meta l4proto != { icmp, tcp, udp } goto refuse_unchecked", "");
    assertThat(heardAfterSending(sixInFour)).isEqualTo("heard");
  }

  private String heardAfterSending(String protocol) throws Exception {
    Process ear = Guest.framesStarted(internet.outside, "hear", protocol);
    var output = ear.inputReader();
    assertThat(output.readLine()).isEqualTo("listening");
    assertThat(Guest.frames(guest.namespace, "protocol", Internet.SERVER, protocol)).isEmpty();
    return output.readLine();
  }

  @Test
  void quicUnderADomainRule() {
    UdpEcho quic = internet.udp(internet.outside, Internet.SERVER, 443);
    slot.apply(EgressPolicy.parse(Default.DENY, List.of("example.com"), List.of(), true));
    network
        .access()
        .pin(
            slot.outer(),
            "example.com",
            List.of(Internet.address(Internet.SERVER)),
            Duration.ofMinutes(1));

    assertThat(guest.udp(Internet.SERVER, 443)).isEqualTo("refused");
    assertThat(quic.heard.get()).isZero();
    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() ->
            assertThat(slot.report().last())
                .extracting(Refusal::rule)
                .contains("cannot be checked"));

    internet.host.nft(
        "flush chain "
            + TABLE
            + " refuse_by_name_pinned\n"
            + "add rule "
            + TABLE
            + " refuse_by_name_pinned goto settle");
    assertThat(guest.udp(Internet.SERVER, 443)).isEqualTo("open");
  }

  @Test
  void aConnectionKeptOpenOverAChangeOfPolicy() throws Exception {
    EchoServer server = internet.tcp(internet.outside, Internet.SERVER, 80);
    Socket kept = guest.connect(Internet.SERVER, 80);
    assertThat(Guest.say(kept, "a")).isEqualTo("a");
    slot.apply(EgressPolicy.SHUT);
    assertThat(Guest.isCut(kept)).isTrue();
    assertThat(server.received()).isEqualTo("a");

    slot.apply(EgressPolicy.OPEN);
    Socket other = guest.connect(Internet.SERVER, 80);
    assertThat(Guest.say(other, "b")).isEqualTo("b");
    String generation =
        internet
            .host
            .nft("get element " + TABLE + " generations { 10.213.0.2 }")
            .replaceAll("(?s).*10\\.213\\.0\\.2 : (0x[0-9a-f]+).*", "$1");
    slot.apply(EgressPolicy.SHUT);
    internet.host.nft("add element " + TABLE + " current { 10.213.0.2 . " + generation + " }");
    assertThat(Guest.say(other, "c")).isEqualTo("c");
  }

  @Test
  void aConnectionOfTheSlotsEarlierUser() throws Exception {
    UdpEcho server = internet.udp(internet.outside, Internet.SERVER, 9000);
    guest.speak(5000, Internet.SERVER, 9000);
    await().until(() -> server.heard.get() == 1);
    guest.close();

    slot.scrub();
    slot.apply(EgressPolicy.OPEN);
    assertThat(internet.guest(slot).hears(5000, server)).isFalse();

    Slot unscrubbed = network.makeSlot();
    unscrubbed.apply(EgressPolicy.OPEN);
    guest = internet.guest(unscrubbed);
    guest.speak(5000, Internet.SERVER, 9000);
    await().until(() -> server.heard.get() == 2);
    guest.close();
    unscrubbed.apply(EgressPolicy.SHUT);
    unscrubbed.apply(EgressPolicy.OPEN);
    assertThat(internet.guest(unscrubbed).hears(5000, server)).isTrue();
  }

  @Test
  void aFloodOfConnections() throws Exception {
    internet.tcp(internet.outside, Internet.SERVER, 80);
    Slot neighbour = network.makeSlot();
    neighbour.apply(EgressPolicy.OPEN);
    Guest victim = internet.guest(neighbour);

    int open = flood();
    assertThat(open).isBetween(100, 400);
    assertThat(slot.report().refused().get("limited_connections")).isGreaterThan(300);
    assertThat(victim.tcp(Internet.SERVER, 80)).isEqualTo("open");

    inSlot(slot, "flush chain inet slot upward\nadd rule inet slot upward accept");
    assertThat(flood()).isEqualTo(700);
  }

  /** As many connections as the kernel can begin; answers how many came about. */
  private int flood() {
    int opened = 0;
    for (int i = 0; i < 700; i++) {
      try {
        if (guest.connect(Internet.SERVER, 80).isConnected()) {
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
    EchoServer server = internet.tcp(internet.outside, Internet.SERVER, 80);
    try (Namespace inside = Namespace.at(slot.namespace())) {
      assertThat(Guest.tcpFrom(inside, Internet.SERVER, 80)).isEqualTo("silent");
      assertThat(server.accepted()).isZero();
      inSlot(slot, "flush chain inet slot output\nadd rule inet slot input accept");
      assertThat(Guest.tcpFrom(inside, Internet.SERVER, 80)).isEqualTo("open");
    }
  }
}
