package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.linux.Links.VethEnd;
import dev.podflare.network.Internet.UdpEcho;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Frames and packets that lie about who sent them. Each is seen to fail, then its guard is taken
 * out of the packet filter and the same attack is seen to succeed, so that the test is known to
 * test the guard.
 */
class SlotSpoofingTest {
  private static final String INSTANCE = "5e115107";
  private static final String TABLE = "inet podflare_" + INSTANCE;
  private static final String FOREIGN_MAC = "02aaaaaaaaaa";
  private static final String GUEST_MAC = Slot.GUEST_MAC.replace(":", "");
  private static final String GATEWAY_MAC = Plan.GATEWAY_MAC.replace(":", "");
  private static final String GATEWAY = "c0000001";

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
  void spoofedHardwareAddressAndSourceAddress() {
    UdpEcho server = internet.udp(internet.outside, Internet.SERVER, 9000);
    String spoofedMac = udpFrame(FOREIGN_MAC, "c0000002");
    String spoofedSource = udpFrame(GUEST_MAC, "c0000003");
    String foreignSource = udpFrame(GUEST_MAC, "cb007114");

    send(udpFrame(GUEST_MAC, "c0000002"));
    await().until(() -> server.heard.get() == 1);
    send(spoofedMac, spoofedSource, foreignSource);
    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() -> assertThat(slot.report().refused()).containsEntry("spoofed", 3L));
    assertThat(server.heard.get()).isEqualTo(1);

    inSlot(slot, "delete chain netdev slot guest");
    send(spoofedMac, spoofedSource, foreignSource);
    await().until(() -> server.heard.get() == 4);
  }

  @Test
  void aSourceAddressThatIsNotTheSlotsOwnOnTheHost() {
    UdpEcho server = internet.udp(internet.outside, Internet.SERVER, 9000);
    inSlot(
        slot,
        "flush chain inet slot postrouting\nadd rule inet slot postrouting snat ip to 10.213.0.9");

    assertThat(guest.udp(Internet.SERVER, 9000)).isEqualTo("silent");
    assertThat(server.heard.get()).isZero();

    internet.rewrite(TABLE, "outbound", "iifname . ip saddr != @slots drop", "");
    internet.host.nft(
        "add element "
            + TABLE
            + " network_4 { 10.213.0.9 . 0.0.0.0/0 : 1 }\n"
            + "add element "
            + TABLE
            + " generations { 10.213.0.9 : 7 }\n"
            + "add element "
            + TABLE
            + " current { 10.213.0.9 . 7 }");
    guest.udp(Internet.SERVER, 9000);
    assertThat(server.heard.get()).isEqualTo(1);
  }

  @Test
  void arpForAnAddressOfSomebodyElse() {
    String honest = arp(GUEST_MAC, "c0000002", GATEWAY);
    String foreign = arp(GUEST_MAC, "c0000003", GATEWAY);
    String otherMac = arp(FOREIGN_MAC, "c0000002", GATEWAY);
    internet.tcp(internet.outside, Internet.SERVER, 80);
    try (Namespace inside = Namespace.at(slot.namespace())) {
      String before = inside.neighbours("tap0");

      assertThat(ask(honest)).contains(GATEWAY_MAC);
      assertThat(ask(foreign)).isEqualTo("none");
      assertThat(ask(otherMac)).isEqualTo("none");
      assertThat(inside.neighbours("tap0")).isEqualTo(before);

      inSlot(slot, "delete chain netdev slot guest");
      assertThat(ask(foreign)).contains(GATEWAY_MAC);
      assertThat(ask(otherMac)).contains(GATEWAY_MAC);
      assertThat(inside.neighbours("tap0")).contains("192.0.0.3 lladdr " + Slot.GUEST_MAC);
      // Even so the slot does not learn who the guest is: that neighbour is fixed.
      assertThat(inside.neighbours("tap0")).contains(before.strip());
      assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("open");

      inside.unfix("tap0", Slot.GUEST_ADDRESS, Slot.GUEST_MAC);
      assertThat(ask(otherMac)).contains(GATEWAY_MAC);
      assertThat(inside.neighbours("tap0")).contains("192.0.0.2 lladdr 02:aa:aa:aa:aa:aa");
      assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("silent");
    }
  }

  @Test
  void framesForANeighbourOnACommonWire() {
    Slot neighbour = network.makeSlot();
    Guest ignored = internet.guest(neighbour);
    String question = arp(FOREIGN_MAC, "c0000003", "c0000002");
    assertThat(ask(question)).as("no wire").isEqualTo("none");
    wire(neighbour);
    assertThat(ask(question)).as("a wire").isEqualTo("none");

    for (Slot each : List.of(slot, neighbour)) {
      inSlot(each, "delete chain netdev slot guest");
    }
    assertThat(ask(question)).as("nobody checks").contains(GUEST_MAC);
    inSlot(slot, "delete table netdev wire");
    assertThat(ask(question)).as("nobody checks, no wire").isEqualTo("none");
  }

  /** Joins the taps of both slots, as if they were on one switch. */
  private void wire(Slot neighbour) {
    try (Namespace here = Namespace.at(slot.namespace());
        Namespace there = Namespace.at(neighbour.namespace())) {
      here.links(links ->
          links.addVeth(
              new VethEnd("wire", "02:00:00:00:00:03"),
              new VethEnd("wire", "02:00:00:00:00:04"),
              there.path(),
              1500));
      for (Namespace each : List.of(here, there)) {
        each.links(links -> links.bringUp(links.index("wire")));
        each.nft(
            """
            table netdev wire {
              chain leaving {
                type filter hook ingress device "tap0" priority 0;
                fwd to "wire"
              }
              chain coming {
                type filter hook ingress device "wire" priority 0;
                fwd to "tap0"
              }
            }
            """);
      }
    }
  }

  @Test
  void allOfIpv6() {
    send(GATEWAY_MAC + GUEST_MAC + "86dd" + "6000000000003aff" + "00".repeat(32));
    send("333300000001" + GUEST_MAC + "86dd" + "6000000000003aff" + "00".repeat(32));

    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() -> assertThat(slot.report().refused()).containsEntry("ipv6", 2L));
    assertThat(slot.report().packetsUp()).isZero();
  }

  private void send(String... frames) {
    List<String> words = new ArrayList<>(List.of("send", "eth0"));
    words.addAll(List.of(frames));
    assertThat(Guest.frames(guest.namespace, words.toArray(String[]::new))).isEmpty();
  }

  private String ask(String frame) {
    return Guest.frames(guest.namespace, "ask", "eth0", frame);
  }

  /** Who has this address? */
  private static String arp(String mac, String source, String wanted) {
    return "ff".repeat(6)
        + mac
        + "0806"
        + "0001080006040001"
        + mac
        + source
        + "00".repeat(6)
        + wanted;
  }

  /** An IPv4 UDP datagram to port 9000 of the server, without checksum of UDP. */
  private static String udpFrame(String mac, String source) {
    String head = "4500001d000100004011";
    String ends = source + "cb00710a";
    int sum = 0;
    String all = head + "0000" + ends;
    for (int at = 0; at < all.length(); at += 4) {
      sum += Integer.parseInt(all.substring(at, at + 4), 16);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    String checksum = String.format("%04x", ~sum & 0xffff);
    return GATEWAY_MAC + mac + "0800" + head + checksum + ends + "1388232800090000" + "41";
  }
}
