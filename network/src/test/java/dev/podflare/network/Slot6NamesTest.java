package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.network.Internet.EchoServer;
import java.io.IOException;
import java.net.Socket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** A guest that speaks with the world by name and with IPv6: resolver, packet filter, gate. */
class Slot6NamesTest {
  private NamesRig rig;
  private Slot slot;
  private Guest guest;
  private EchoServer web;
  private EchoServer secure;

  @BeforeEach
  void open() throws Exception {
    rig = new NamesRig(Internet.withIpv6(), "5e11510b");
    rig.upstream.add("web.example. 60 AAAA " + Internet.SERVER6);
    rig.upstream.add("other.example. 60 AAAA " + Internet.SERVER6);
    rig.upstream.add("rebind.example. 0 AAAA " + Internet.METADATA6);
    slot = rig.slot;
    guest = rig.guest;
    web = rig.internet.tcp(rig.internet.outside, Internet.SERVER6, 80);
    secure = rig.internet.tcp(rig.internet.outside, Internet.SERVER6, 443);
  }

  @AfterEach
  void close() throws Exception {
    rig.close();
  }

  @Test
  void anAllowedNameIsResolvedPinnedAndReachedThroughTheGate() throws Exception {
    rig.allowOnly("web.example");

    assertThat(guest.tcp(Internet.SERVER6, 80)).isEqualTo("refused");
    assertThat(ask("other.example.").getRcode()).isEqualTo(Rcode.NXDOMAIN);
    assertThat(ask("web.example.").getSection(Section.ANSWER)).hasSize(1);
    assertThat(rig.get(Internet.SERVER6, "web.example")).contains("Host: web.example");
    assertThat(web.peers).containsExactly(Internet.HOST_PUBLIC6);
    assertThat(rig.get(Internet.SERVER6, "other.example")).isEmpty();
    assertThat(web.accepted()).isEqualTo(1);
    assertThat(slot.report().last())
        .filteredOn(it -> it.protocol().equals("tcp") && it.name().isPresent())
        .singleElement()
        .satisfies(it -> {
          assertThat(it.name()).contains("other.example");
          assertThat(it.addressText()).contains(Internet.SERVER6);
          assertThat(it.port()).hasValue(80);
        });

    slot.apply(EgressPolicy.OPEN);
    assertThat(rig.get(Internet.SERVER6, "other.example")).contains("Host: other.example");
  }

  @Test
  void theNameInTheTlsHelloCountsToo() throws Exception {
    rig.allowOnly("web.example");
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);

    assertThat(rig.hello(Internet.SERVER6, "other.example")).isEmpty();
    assertThat(secure.accepted()).isZero();
    assertThat(rig.hello(Internet.SERVER6, "web.example")).contains("web.example");

    slot.apply(EgressPolicy.OPEN);
    assertThat(rig.hello(Internet.SERVER6, "other.example")).contains("other.example");
  }

  @Test
  void frontingByHostAndBySniSucceedsPastTheGate() throws Exception {
    rig.allowOnly("web.example");
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);
    assertThat(rig.get(Internet.SERVER6, "evil.example")).isEmpty();
    assertThat(rig.hello(Internet.SERVER6, "evil.example")).isEmpty();
    assertThat(web.received() + secure.received()).isEmpty();

    rig.openWayPastTheGate();
    assertThat(rig.get(Internet.SERVER6, "evil.example")).contains("Host: evil.example");
    assertThat(rig.hello(Internet.SERVER6, "evil.example")).contains("evil.example");
  }

  @Test
  void anAddressThatTheResolverDidNotTellIsRefusedWhateverTheName() throws Exception {
    EchoServer other = rig.internet.tcp(rig.internet.outside, Internet.OTHER_SERVER6, 80);
    rig.allowOnly("web.example");
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);
    assertThat(guest.tcp(Internet.OTHER_SERVER6, 80)).isEqualTo("refused");

    rig.pinInTheFilter(Internet.OTHER_SERVER6);
    assertThat(rig.get(Internet.OTHER_SERVER6, "web.example")).as("the gate looks too").isEmpty();
    assertThat(other.accepted()).isZero();
    rig.gateSees.lie("pinned", true);
    assertThat(rig.get(Internet.OTHER_SERVER6, "web.example")).contains("web.example");
  }

  @Test
  void rebindingIsDroppedInAnswersAndAtTheGate() throws Exception {
    EchoServer inside = rig.internet.tcp(rig.internet.outside, Internet.METADATA6, 80);
    rig.allowOnly("rebind.example");
    assertThat(ask("rebind.example.").getSection(Section.ANSWER)).isEmpty();
    assertThat(guest.tcp(Internet.METADATA6, 80)).isEqualTo("refused");

    rig.resolverSees.lie("alwaysDenied", false);
    assertThat(ask("rebind.example.").getSection(Section.ANSWER)).hasSize(1);
    rig.pinInTheFilter(Internet.METADATA6);
    assertThat(guest.tcp(Internet.METADATA6, 80)).isEqualTo("refused");
    rig.openDeniedRanges();
    rig.gateSees.lie("pinned", true);
    assertThat(rig.get(Internet.METADATA6, "rebind.example")).isEmpty();
    assertThat(inside.accepted()).isZero();

    rig.gateSees.lie("alwaysDenied", false);
    assertThat(rig.get(Internet.METADATA6, "rebind.example")).contains("Host: rebind.example");
  }

  @Test
  void aChangeOfPolicyCutsWhatWentThroughTheGate() throws Exception {
    rig.allowOnly("web.example");
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);
    try (Socket open = guest.connect(Internet.SERVER6, 80)) {
      assertThat(NamesRig.request(open, "web.example")).contains("Host: web.example");
      rig.allowOnly("new.example");
      assertThat(Guest.isCut(open)).isTrue();
    }
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NXDOMAIN);
  }

  private Message ask(String name) throws IOException {
    return rig.ask(name, Type.AAAA);
  }
}
