package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.linux.Links;
import dev.podflare.linux.Links.VethEnd;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What guests' IPv6 does to a host, and that closing or the next start undoes it. */
class Network6Test {
  private static final String INSTANCE = "5e11510c";
  private static final String ROUTER = "fe80::1";
  private Internet internet;
  private NetworkConfig config;

  @BeforeEach
  void open() {
    internet = Internet.withIpv6();
    config = NetworkConfig.defaults().withHostNamespace(internet.host.path());
  }

  @AfterEach
  void close() {
    Network.open(config, INSTANCE).close();
    internet.close();
  }

  private List<String> traces() {
    return internet.host.call(() -> {
      try (Links links = Links.open()) {
        return List.of(
            new TreeSet<>(links.all().stream().map(Links.Link::name).toList()).toString(),
            new TreeSet<>(links.routes6().stream().map(Object::toString).toList()).toString(),
            links.addresses().toString(),
            settings());
      }
    });
  }

  private static String settings() {
    StringBuilder all = new StringBuilder();
    for (String link : List.of("all", "default", "lo", "uplink")) {
      for (String setting : List.of("forwarding", "accept_ra", "disable_ipv6")) {
        all.append(Sysctl.read("ipv6/conf/" + link + "/" + setting).orElseThrow());
      }
    }
    return all.toString();
  }

  @Test
  void closingLeavesNothing() {
    List<String> before = traces();
    try (Network network = Network.open(config, INSTANCE)) {
      Slot ignored = network.makeSlot();
      assertThat(network.ipv6()).isTrue();
      assertThat(traces()).isNotEqualTo(before);
    }
    assertThat(traces()).isEqualTo(before);
    assertThat(internet.host.nft("list ruleset")).isEmpty();

    Network killed = Network.open(config, INSTANCE);
    Slot left = killed.makeSlot();
    assertThat(left.namespace()).exists();
    killed.abandon();
    Network.open(config, INSTANCE).close();
    assertThat(traces()).isEqualTo(before);
    assertThat(internet.host.nft("list ruleset")).isEmpty();
  }

  @Test
  void twoDaemonsNeedTheSwitchAndTheLastOfThemTurnsItOff() throws Exception {
    List<String> before = traces();
    TwoDaemons.endOneAfterTheOther(
        internet, config, INSTANCE, Internet.SERVER6, "ipv6/conf/all/forwarding");
    assertThat(traces()).isEqualTo(before);
    assertThat(internet.host.nft("list ruleset")).isEmpty();
  }

  @Test
  void aHostThatLearnsItsRoutesFromAdvertisementsGoesOnToDoSo() {
    internet.host.run(() -> Sysctl.write("ipv6/conf/uplink/accept_ra", "1"));
    advertise("2001:db8:11::");
    await().atMost(Duration.ofSeconds(5)).until(() -> knows("2001:db8:11::"));
    assertThat(defaultRoutes()).isEqualTo(2);
    try (Network network = Network.open(config, INSTANCE)) {
      Slot ignored = network.makeSlot();
      assertThat(internet.host.call(() -> Sysctl.read("ipv6/conf/all/forwarding"))).hasValue("1");
      assertThat(internet.host.call(() -> Sysctl.read("ipv6/conf/uplink/forwarding")))
          .hasValue("0");
      assertThat(internet.host.call(() -> Sysctl.read("ipv6/conf/uplink/accept_ra"))).hasValue("1");
      assertThat(defaultRoutes()).isEqualTo(2);
      advertise("2001:db8:12::");
      await().atMost(Duration.ofSeconds(5)).until(() -> knows("2001:db8:12::"));
    }
    assertThat(defaultRoutes()).isEqualTo(2);
  }

  @Test
  void theSwitchAloneWouldForgetThem() {
    internet.host.run(() -> Sysctl.write("ipv6/conf/uplink/accept_ra", "1"));
    advertise("2001:db8:11::");
    await().atMost(Duration.ofSeconds(5)).until(() -> defaultRoutes() == 2);
    internet.host.run(() -> Sysctl.write("ipv6/conf/all/forwarding", "1"));
    assertThat(defaultRoutes()).isEqualTo(1);
    internet.host.run(() -> Sysctl.write("ipv6/conf/all/forwarding", "0"));
  }

  private void advertise(String prefix) {
    String frame = Frame6.routerAdvertisement("020000000002", ROUTER, prefix);
    assertThat(Guest.frames(internet.outside, "send", "uplink", frame)).isEmpty();
  }

  /** The one that the host was given, and the advertised one. */
  private long defaultRoutes() {
    return internet.host.call(() -> {
      try (Links links = Links.open()) {
        return links.routes6().stream().filter(route -> route.prefix() == 0).count();
      }
    });
  }

  private boolean knows(String prefix) {
    return internet.host.call(() -> {
      try (Links links = Links.open()) {
        return links.routes6().stream()
            .anyMatch(route -> Addresses.text(route.destination()).equals(prefix));
      }
    });
  }

  @Test
  void theHostIsNoRouterForOthersBecauseOfUs() {
    String third = "2001:db8:7::2";
    try (Namespace inside = Namespace.create("third")) {
      internet.host.links(links ->
          links.addVeth(
              new VethEnd("lan", "02:00:00:00:00:03"),
              new VethEnd("lan", "02:00:00:00:00:04"),
              inside.path(),
              1500));
      internet.host.ipv6("lan");
      inside.ipv6("lan");
      internet.host.links(links -> {
        links.bringUp(links.index("lan"));
        links.addAddress(links.index("lan"), Internet.address("2001:db8:7::1"), 64);
        // which a router asks its neighbours with
        links.addAddress(links.index("lan"), Internet.address("fe80::7"), 64);
      });
      inside.links(links -> {
        int lan = links.index("lan");
        links.bringUp(lan);
        links.addAddress(lan, Internet.address(third), 64);
        links.addRoute(
            Internet.address("::"),
            0,
            lan,
            Optional.of(Internet.address("2001:db8:7::1")),
            Optional.empty());
      });
      internet.outside.links(links ->
          links.addRoute(
              Internet.address("2001:db8:7::"),
              64,
              links.index("uplink"),
              Optional.of(Internet.address(Internet.HOST_PUBLIC6)),
              Optional.empty()));
      internet.tcp(inside, third, 80);
      assertThat(Guest.tcpFrom(internet.outside, third, 80)).isNotEqualTo("open");
      try (Network network = Network.open(config, INSTANCE)) {
        assertThat(network.ipv6()).isTrue();
        assertThat(Guest.tcpFrom(internet.outside, third, 80)).isEqualTo("silent");
        internet.host.nft("flush chain inet podflare_" + INSTANCE + " strangers6");
        assertThat(Guest.tcpFrom(internet.outside, third, 80)).isEqualTo("open");
      }
      assertThat(Guest.tcpFrom(internet.outside, third, 80)).isNotEqualTo("open");
    }
  }

  @Test
  void aHostThatIsARouterStaysOne() {
    internet.host.run(() -> Sysctl.write("ipv6/conf/all/forwarding", "1"));
    List<String> before = traces();
    try (Network network = Network.open(config, INSTANCE)) {
      assertThat(network.ipv6()).isTrue();
      assertThat(internet.host.call(() -> Sysctl.read("ipv6/conf/uplink/forwarding")))
          .hasValue("1");
    }
    assertThat(traces()).isEqualTo(before);
  }

  @Test
  void guestsOfAKilledDaemonKeepTheirConnections() throws Exception {
    internet.tcp(internet.outside, Internet.SERVER6, 80);
    Network killed = Network.open(config, INSTANCE);
    Slot slot = killed.makeSlot();
    slot.apply(EgressPolicy.OPEN);
    Guest guest = internet.guest(slot);
    Socket kept = guest.connect(Internet.SERVER6, 80);
    assertThat(Guest.say(kept, "a")).isEqualTo("a");
    killed.abandon();
    assertThat(Guest.say(kept, "b")).isEqualTo("b");

    KeptSlots slots = new KeptSlots(Map.of(slot.index(), GuestAccess.OPEN));
    try (Network next = Network.open(config, INSTANCE, slots)) {
      assertThat(Guest.say(kept, "c")).isEqualTo("c");
      next.kept(slot.index()).orElseThrow().apply(EgressPolicy.SHUT);
      assertThat(Guest.isCut(kept)).isTrue();
    }
  }

  @Test
  void aSlotOfADaemonWithoutIpv6GetsItWhenItIsScrubbed() {
    internet.tcp(internet.outside, Internet.SERVER6, 80);
    Network without = Network.open(config.withoutIpv6(), INSTANCE);
    Slot old = without.makeSlot();
    without.abandon();

    KeptSlots slots = new KeptSlots(Map.of(old.index(), GuestAccess.OPEN));
    try (Network next = Network.open(config, INSTANCE, slots)) {
      Slot kept = next.kept(old.index()).orElseThrow();
      Guest before = internet.guest(kept);
      assertThat(before.tcp(Internet.SERVER6, 80)).isEqualTo("refused");
      before.close();
      kept.scrub();
      kept.apply(EgressPolicy.OPEN);
      assertThat(internet.guest(kept).tcp(Internet.SERVER6, 80)).isEqualTo("open");
    }
  }
}
