package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.linux.Links;
import dev.podflare.network.Internet.UdpEcho;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * IPv6 packets that lie about who sent them, and talk that is to change the link. Each is seen to
 * fail, then its guard is taken away and the same attack is seen to succeed.
 */
class Slot6SpoofingTest {
  private static final String INSTANCE = "5e115109";
  private static final String TABLE = "inet podflare_" + INSTANCE;
  private static final String FOREIGN_MAC = "02aaaaaaaaaa";
  private static final String GUEST_MAC = Slot.GUEST_MAC.replace(":", "");
  private static final String GATEWAY_MAC = Slot.GATEWAY_MAC.replace(":", "");
  private static final String ROUTER = "fe80::bad";
  private static final String PREFIX = "2001:db8:bad::";

  private Internet internet;
  private Network network;
  private Slot slot;
  private Guest guest;

  @BeforeEach
  void open() {
    internet = Internet.withIpv6();
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

  private String inSlot(String commands) {
    return Guest.nft(slot.namespace(), commands);
  }

  private static String datagram(String mac, String source) {
    return Frame6.udp(GATEWAY_MAC, mac, source, Internet.SERVER6, 9000);
  }

  @Test
  void spoofedHardwareAddressAndSourceAddress() {
    UdpEcho server = internet.udp(internet.outside, Internet.SERVER6, 9000);
    String spoofedMac = datagram(FOREIGN_MAC, Slot.GUEST_ADDRESS6);
    String spoofedSource = datagram(GUEST_MAC, "fd70:6f64:666c::3");
    String foreignSource = datagram(GUEST_MAC, Internet.OTHER_SERVER6);

    send(datagram(GUEST_MAC, Slot.GUEST_ADDRESS6));
    await().until(() -> server.heard.get() == 1);
    send(spoofedMac, spoofedSource, foreignSource);
    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() -> assertThat(slot.report().refused()).containsEntry("spoofed", 3L));
    assertThat(server.heard.get()).isEqualTo(1);

    inSlot("delete chain netdev slot guest");
    send(spoofedMac, spoofedSource, foreignSource);
    await().until(() -> server.heard.get() == 4);
  }

  @Test
  void aSourceAddressThatIsNotTheSlotsOwnOnTheHost() {
    UdpEcho server = internet.udp(internet.outside, Internet.SERVER6, 9000);
    String other = Addresses.text(new Plan(INSTANCE, network.range()).place(7).outer6());
    inSlot(
        "flush chain inet slot postrouting\nadd rule inet slot postrouting snat ip6 to " + other);

    assertThat(guest.udp(Internet.SERVER6, 9000)).isEqualTo("silent");
    assertThat(server.heard.get()).isZero();

    internet.rewrite(TABLE, "outbound6", "iifname . ip6 saddr != @slots6 drop", "");
    internet.host.nft(
        """
        add element %1$s network6_4 { %2$s . ::/0 : 1 }
        add element %1$s generations6 { %2$s : 7 }
        add element %1$s current6 { %2$s . 7 }
        """
            .formatted(TABLE, other));
    guest.udp(Internet.SERVER6, 9000);
    assertThat(server.heard.get()).isEqualTo(1);
  }

  @Test
  void routerAdvertisementsChangeNeitherTheSlotNorTheHost() {
    Set<String> before = known(slot);
    String advertisement = Frame6.routerAdvertisement(GUEST_MAC, ROUTER, PREFIX);
    send(advertisement);
    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() -> assertThat(slot.report().refused()).containsEntry("ipv6", 1L));
    assertThat(known(slot)).isEqualTo(before);
    assertThat(known(internet.host)).noneMatch(route -> route.contains("bad"));

    inSlot("delete chain netdev slot guest\ninsert rule inet slot input accept");
    send(advertisement);
    assertThat(known(slot)).as("the link takes none, whatever comes in").isEqualTo(before);

    try (Namespace inside = Namespace.at(slot.namespace())) {
      inside.run(() -> Sysctl.write("ipv6/conf/tap0/accept_ra", "2"));
    }
    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() -> {
          send(advertisement);
          assertThat(known(slot)).anyMatch(route -> route.contains("bad"));
        });
  }

  private static Set<String> known(Slot slot) {
    try (Namespace inside = Namespace.at(slot.namespace())) {
      return known(inside);
    }
  }

  /** Routes and addresses. */
  private static Set<String> known(Namespace where) {
    return where.call(() -> {
      try (Links links = Links.open()) {
        Set<String> known =
            links.routes6().stream()
                .map(route -> Addresses.text(route.destination()) + route)
                .collect(Collectors.toSet());
        links.addresses().forEach(address -> known.add(Addresses.text(address)));
        return known;
      }
    });
  }

  @Test
  void nobodyIsAskedForHardwareAddressesAndNobodyAnswers() {
    String question =
        Frame6.solicitation(GATEWAY_MAC, GUEST_MAC, Slot.GUEST_ADDRESS6, Slot.GATEWAY_ADDRESS6);
    String foreign = Frame6.solicitation(GATEWAY_MAC, GUEST_MAC, ROUTER, Slot.GATEWAY_ADDRESS6);
    String otherMac =
        Frame6.solicitation(GATEWAY_MAC, FOREIGN_MAC, Slot.GUEST_ADDRESS6, Slot.GATEWAY_ADDRESS6);
    internet.tcp(internet.outside, Internet.SERVER6, 80);
    try (Namespace inside = Namespace.at(slot.namespace())) {
      String before = inside.neighbours("tap0");
      for (String frame : List.of(question, foreign, otherMac)) {
        assertThat(ask(frame)).isEqualTo("none");
      }
      assertThat(inside.neighbours("tap0")).isEqualTo(before);

      inSlot("delete chain netdev slot guest\ninsert rule inet slot input accept");
      for (String frame : List.of(question, foreign, otherMac)) {
        assertThat(ask(frame)).contains(GATEWAY_MAC);
      }
      assertThat(inside.neighbours("tap0")).contains(ROUTER + " lladdr " + Slot.GUEST_MAC);
      // Even so the slot does not learn who the guest is: that neighbour is fixed.
      assertThat(inside.neighbours("tap0")).contains(before.strip().split("\n"));
      assertThat(guest.tcp(Internet.SERVER6, 80)).isEqualTo("open");

      inside.unfix("tap0", Slot.GUEST_ADDRESS6, Slot.GUEST_MAC);
      assertThat(ask(otherMac)).contains(GATEWAY_MAC);
      assertThat(inside.neighbours("tap0"))
          .contains(Slot.GUEST_ADDRESS6 + " lladdr 02:aa:aa:aa:aa:aa");
      assertThat(guest.tcp(Internet.SERVER6, 80)).isEqualTo("silent");
    }
  }

  private void send(String... frames) {
    List<String> words = new ArrayList<>(List.of("send", "eth0"));
    words.addAll(List.of(frames));
    assertThat(Guest.frames(guest.namespace, words.toArray(String[]::new))).isEmpty();
  }

  private String ask(String frame) {
    return Guest.frames(guest.namespace, "neighbour", "eth0", frame);
  }
}
