package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.Links;
import java.net.Socket;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What opening does to a host, and that closing or the next start undoes it. */
class NetworkTest {
  private static final String INSTANCE = "5e115103";
  private Internet internet;
  private NetworkConfig config;

  @BeforeEach
  void open() {
    internet = Internet.create();
    config = NetworkConfig.defaults().withHostNamespace(internet.host.path());
  }

  @AfterEach
  void close() {
    Network.open(config.withExceptions(List.of()), INSTANCE).close();
    internet.close();
  }

  /** All that a network could leave behind. */
  private List<String> traces() {
    return internet.host.call(() -> {
      try (Links links = Links.open()) {
        return List.of(
            new TreeSet<>(links.all().stream().map(Links.Link::name).toList()).toString(),
            new TreeSet<>(links.routes().stream().map(Object::toString).toList()).toString(),
            links.addresses().toString(),
            Sysctl.read("ipv4/conf/uplink/forwarding").orElseThrow(),
            Sysctl.read("ipv4/ip_forward").orElseThrow(),
            "" + Files.exists(new Plan(INSTANCE, config.range()).folder()));
      }
    });
  }

  private String rules() {
    return internet.host.nft("list ruleset");
  }

  @Test
  void closingLeavesNothing() {
    List<String> before = traces();
    try (Network network = Network.open(config, INSTANCE)) {
      Slot slot = network.makeSlot();
      assertThat(Files.exists(slot.namespace())).isTrue();
      assertThat(traces()).isNotEqualTo(before);
      assertThat(rules()).isNotEmpty();
    }
    assertThat(traces()).isEqualTo(before);
    assertThat(rules()).isEmpty();
  }

  @Test
  void forwardingIsTurnedOnForTheUplinkAloneAndOthersGainNothing() {
    try (Network network = Network.open(config, INSTANCE)) {
      assertThat(network.capacity()).isGreaterThan(60_000);
      assertThat(internet.host.call(() -> Sysctl.read("ipv4/conf/uplink/forwarding")))
          .hasValue("1");
      assertThat(internet.host.call(() -> Sysctl.read("ipv4/ip_forward"))).hasValue("0");
      assertThat(internet.host.nft("list set inet podflare_" + INSTANCE + " opened"))
          .contains("\"uplink\"");
    }
  }

  @Test
  void whatTwoDaemonsNeedIsTurnedOffByTheLastOfThem() throws Exception {
    List<String> before = traces();
    TwoDaemons.endOneAfterTheOther(
        internet, config, INSTANCE, Internet.SERVER, "ipv4/conf/uplink/forwarding");
    assertThat(traces()).isEqualTo(before);
    assertThat(rules()).isEmpty();
  }

  @Test
  void aKilledDaemonsPolicyIsInForceUntilTheNextTakesItAway() throws Exception {
    List<String> before = traces();
    internet.tcp(internet.outside, Internet.SERVER, 80);
    internet.tcp(internet.outside, Internet.METADATA, 80);
    Network killed = Network.open(config, INSTANCE);
    Slot slot = killed.makeSlot();
    Guest guest = internet.guest(slot);
    slot.apply(
        EgressPolicy.parse(EgressPolicy.Default.ALLOW, List.of(), List.of("203.0.113.20"), true));
    Socket kept = guest.connect(Internet.SERVER, 80);
    killed.abandon();

    assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("open");
    assertThat(guest.tcp(Internet.OTHER_SERVER, 80)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.METADATA, 80)).isEqualTo("refused");
    assertThat(Guest.say(kept, "x")).isEqualTo("x");

    try (Network next = Network.open(config, INSTANCE)) {
      assertThat(guest.tcp(Internet.SERVER, 80)).isNotEqualTo("open");
      assertThat(internet.host.call(() -> Sysctl.read("ipv4/conf/uplink/forwarding")))
          .hasValue("1");
      Slot fresh = next.makeSlot();
      assertThat(fresh.outer()).isEqualTo(slot.outer());
      fresh.apply(EgressPolicy.OPEN);
      assertThat(internet.guest(fresh).tcp(Internet.SERVER, 80)).isEqualTo("open");
    }
    assertThat(traces()).isEqualTo(before);
    assertThat(rules()).isEmpty();
  }

  @Test
  void aRangeThatTheHostUsesIsRefusedAndNothingIsLeft() {
    List<String> before = traces();
    NetworkConfig overlapping = config.withRange(Cidr.parse("198.51.0.0/16"));
    assertThatThrownBy(() -> Network.open(overlapping, INSTANCE))
        .isInstanceOfSatisfying(
            PodflareException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG);
              assertThat(e.sentence()).contains("198.51.0.0/16", "198.51.100.0/24");
            });
    assertThat(traces()).isEqualTo(before);
    assertThat(rules()).isEmpty();
    assertThat(Network.check(overlapping))
        .anyMatch(finding -> finding.fatal() && finding.what().contains("198.51.100.0/24"));
    assertThat(Network.check(config)).noneMatch(Finding::fatal);
  }

  @Test
  void chainsOfOthersThatDropLetSlotsPassUntilTheClose() {
    String docker =
        """
        table ip filter {
          chain DOCKER-USER {
          }
          chain FORWARD {
            type filter hook forward priority filter; policy drop;
            jump DOCKER-USER
          }
        }
        table inet server {
          chain input {
            type filter hook input priority filter; policy drop;
            ct state established accept
          }
        }
        """;
    internet.host.nft(docker);
    String before = rules();
    internet.tcp(internet.outside, Internet.SERVER, 80);
    try (Network network = Network.open(config, INSTANCE)) {
      internet.tcp(internet.host, "10.213.0.1", 5353);
      network.serve(new Services(5353, 8443, any -> {}, any -> {}));
      Slot slot = network.makeSlot();
      slot.apply(EgressPolicy.OPEN);
      Guest guest = internet.guest(slot);
      assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("open");
      assertThat(guest.tcp(Slot.GATEWAY_ADDRESS, 53)).isEqualTo("open");
      assertThat(Network.check(config))
          .extracting(Finding::what)
          .anyMatch(it -> it.contains("DOCKER-USER"));
    }
    assertThat(rules()).isEqualTo(before);
  }

  @Test
  void whatTheOperatorOpensIsReachedAndHostPortsOnlyWhenListedThemselves() {
    internet.tcp(internet.outside, Internet.PRIVATE, 80);
    internet.tcp(internet.host, "0.0.0.0", 22);
    NetworkConfig opened = config.withExceptions(List.of(Cidr.parse("10.0.0.0/8")));
    try (Network network = Network.open(opened, INSTANCE)) {
      Slot slot = network.makeSlot();
      slot.apply(EgressPolicy.OPEN);
      Guest guest = internet.guest(slot);
      assertThat(guest.tcp(Internet.PRIVATE, 80)).isEqualTo("open");
      assertThat(guest.tcp("10.213.0.1", 22)).isEqualTo("refused");
      assertThat(network.access().alwaysDenied(Internet.address(Internet.PRIVATE))).isFalse();
      assertThat(network.access().alwaysDenied(Internet.address(Internet.HOST_PUBLIC))).isTrue();
    }
    NetworkConfig listed = config.withExceptions(List.of(Cidr.parse(Internet.HOST_PUBLIC)));
    try (Network network = Network.open(listed, INSTANCE)) {
      Slot slot = network.makeSlot();
      Guest guest = internet.guest(slot);
      assertThat(guest.tcp(Internet.HOST_PUBLIC, 22)).isEqualTo("refused");
      slot.apply(EgressPolicy.OPEN);
      assertThat(guest.tcp(Internet.HOST_PUBLIC, 22)).isEqualTo("open");
    }
  }

  @Test
  void twoDaemonsBesideEachOther() {
    internet.tcp(internet.outside, Internet.SERVER, 80);
    NetworkConfig other = config.withRange(Cidr.parse("10.214.0.0/24"));
    try (Network one = Network.open(config, INSTANCE)) {
      assertThatThrownBy(() -> Network.open(config, "5e115104"))
          .hasMessageContaining("10.213.0.0/16");
      try (Network two = Network.open(other, "5e115104")) {
        Slot first = one.makeSlot();
        Slot second = two.makeSlot();
        first.apply(EgressPolicy.OPEN);
        second.apply(EgressPolicy.OPEN);
        Guest guest = internet.guest(first);
        assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("open");
        assertThat(guest.tcp(Addresses.text(second.outer()), 80)).isNotEqualTo("open");
        assertThat(internet.guest(second).tcp(Internet.SERVER, 80)).isEqualTo("open");
      }
      assertThat(Optional.of(rules()).filter(it -> it.contains("podflare_5e115104"))).isEmpty();
    }
  }
}
