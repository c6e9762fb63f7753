package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.PodflareException;
import dev.podflare.network.EgressPolicy.Default;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class EgressPolicyTest {
  private static final InetAddress HERE = InetAddress.ofLiteral("203.0.113.5");
  private static final InetAddress ELSEWHERE = InetAddress.ofLiteral("198.51.100.7");

  private static EgressPolicy denyAllBut(List<String> allow, List<String> deny) {
    return EgressPolicy.parse(Default.DENY, allow, deny, true);
  }

  private static EgressPolicy allowAllBut(List<String> deny, List<String> allow) {
    return EgressPolicy.parse(Default.ALLOW, allow, deny, true);
  }

  private static boolean connects(EgressPolicy policy, String name, int port, boolean pinned) {
    return policy.decideConnection(Optional.of(name), HERE, port, pinned).allowed();
  }

  @Test
  void openAllowsAndShutRefuses() {
    assertThat(EgressPolicy.OPEN.decide(HERE, 443)).isEqualTo(Verdict.ALLOW);
    assertThat(EgressPolicy.OPEN.decideName("example.com")).isEqualTo(NameVerdict.FORWARD);
    assertThat(EgressPolicy.SHUT.decide(HERE, 443)).isEqualTo(Verdict.REFUSE);
    assertThat(EgressPolicy.SHUT.decideName("example.com")).isEqualTo(NameVerdict.REFUSED);
    assertThat(EgressPolicy.OPEN.hasDomains()).isFalse();
  }

  @Test
  void underDefaultDenyTheDenyListWins() {
    EgressPolicy policy =
        denyAllBut(List.of("203.0.113.0/24", "198.51.100.7:443"), List.of("203.0.113.5"));
    assertThat(policy.decide(HERE, 443)).isEqualTo(Verdict.REFUSE);
    assertThat(policy.decide(InetAddress.ofLiteral("203.0.113.6"), 1)).isEqualTo(Verdict.ALLOW);
    assertThat(policy.decide(ELSEWHERE, 443)).isEqualTo(Verdict.ALLOW);
    assertThat(policy.decide(ELSEWHERE, 80)).isEqualTo(Verdict.REFUSE);
    assertThat(policy.decideName("example.com"))
        .as("no domain rule: no query leaves")
        .isEqualTo(NameVerdict.REFUSED);
  }

  @Test
  void underDefaultAllowTheAllowListWins() {
    EgressPolicy policy = allowAllBut(List.of("203.0.113.0/24"), List.of("203.0.113.5:443"));
    assertThat(policy.decide(HERE, 443)).isEqualTo(Verdict.ALLOW);
    assertThat(policy.decide(HERE, 80)).isEqualTo(Verdict.REFUSE);
    assertThat(policy.decide(ELSEWHERE, 80)).isEqualTo(Verdict.ALLOW);
  }

  @Test
  void domainsGoToTheGateOnTheirPorts() {
    EgressPolicy policy = denyAllBut(List.of("example.com:443"), List.of());
    assertThat(policy.decide(HERE, 443)).isEqualTo(Verdict.BY_NAME);
    assertThat(policy.decide(HERE, 80)).isEqualTo(Verdict.REFUSE);
    assertThat(denyAllBut(List.of("example.com"), List.of()).decide(HERE, 5000))
        .isEqualTo(Verdict.BY_NAME);
    EgressPolicy open = allowAllBut(List.of("evil.example", "bad.example:8443"), List.of());
    assertThat(open.decide(HERE, 443)).isEqualTo(Verdict.BY_NAME);
    assertThat(open.decide(HERE, 80)).isEqualTo(Verdict.BY_NAME);
    assertThat(open.decide(HERE, 8443)).isEqualTo(Verdict.BY_NAME);
    assertThat(open.decide(HERE, 22)).isEqualTo(Verdict.ALLOW);
  }

  @Test
  void aNameCanTurnAnAddressRuleAround() {
    EgressPolicy deny = denyAllBut(List.of("203.0.113.0/24"), List.of("evil.example"));
    assertThat(deny.decide(HERE, 443)).isEqualTo(Verdict.BY_NAME);
    assertThat(deny.decide(HERE, 22)).isEqualTo(Verdict.ALLOW);
    assertThat(deny.decide(ELSEWHERE, 443)).isEqualTo(Verdict.REFUSE);
    assertThat(connects(deny, "evil.example", 443, true)).isFalse();
    assertThat(connects(deny, "good.example", 443, false)).isTrue();
    EgressPolicy allow = allowAllBut(List.of("203.0.113.0/24"), List.of("good.example"));
    assertThat(allow.decide(HERE, 443)).isEqualTo(Verdict.BY_NAME);
    assertThat(connects(allow, "good.example", 443, true)).isTrue();
    assertThat(connects(allow, "good.example", 443, false)).isFalse();
    assertThat(connects(allow, "other.example", 443, true)).isFalse();
  }

  @Test
  void underDefaultDenyNameAndPinAreBothNeeded() {
    EgressPolicy policy =
        denyAllBut(List.of("*.example.com", "one.test:443"), List.of("x.example.com"));
    assertThat(connects(policy, "a.example.com", 443, true)).isTrue();
    assertThat(connects(policy, "A.EXAMPLE.com.", 443, true)).isTrue();
    assertThat(policy.decideConnection(Optional.of("a.example.com"), HERE, 443, false))
        .isEqualTo(new Ruling(false, "name does not match"));
    assertThat(connects(policy, "example.com", 443, true)).as("only names below").isFalse();
    assertThat(connects(policy, "notexample.com", 443, true)).isFalse();
    assertThat(policy.decideConnection(Optional.of("x.example.com"), HERE, 443, true))
        .isEqualTo(new Ruling(false, "deny x.example.com"));
    assertThat(connects(policy, "one.test", 443, true)).isTrue();
    assertThat(connects(policy, "one.test", 80, true)).isFalse();
    assertThat(policy.decideConnection(Optional.empty(), HERE, 443, true))
        .isEqualTo(new Ruling(false, "default deny"));
  }

  @Test
  void underDefaultAllowWhatCarriesNoNamePasses() {
    EgressPolicy policy = allowAllBut(List.of("*.evil.example"), List.of("good.evil.example"));
    assertThat(policy.decideConnection(Optional.empty(), HERE, 443, false).allowed()).isTrue();
    assertThat(connects(policy, "a.evil.example", 443, true)).isFalse();
    assertThat(connects(policy, "evil.example", 443, false)).isTrue();
    assertThat(connects(policy, "good.evil.example", 443, true)).isTrue();
  }

  @Test
  void namesAreForwardedNotFoundOrRefused() {
    EgressPolicy deny =
        denyAllBut(
            List.of("*.example.com", "one.test:443"), List.of("x.example.com", "y.example.com:22"));
    assertThat(deny.decideName("a.example.com")).isEqualTo(NameVerdict.FORWARD);
    assertThat(deny.decideName("A.Example.COM.")).isEqualTo(NameVerdict.FORWARD);
    assertThat(deny.decideName("one.test")).isEqualTo(NameVerdict.FORWARD);
    assertThat(deny.decideName("x.example.com")).isEqualTo(NameVerdict.NO_SUCH_NAME);
    assertThat(deny.decideName("y.example.com"))
        .as("only a port is denied")
        .isEqualTo(NameVerdict.FORWARD);
    assertThat(deny.decideName("secret.attacker.test")).isEqualTo(NameVerdict.NO_SUCH_NAME);
    assertThat(deny.decideName("example.com")).isEqualTo(NameVerdict.NO_SUCH_NAME);
    assertThat(deny.pins("a.example.com")).isTrue();
    EgressPolicy allow = allowAllBut(List.of("evil.example"), List.of());
    assertThat(allow.decideName("evil.example")).isEqualTo(NameVerdict.NO_SUCH_NAME);
    assertThat(allow.decideName("good.example")).isEqualTo(NameVerdict.FORWARD);
    assertThat(allow.decideName("strange!name")).isEqualTo(NameVerdict.FORWARD);
    assertThat(allow.pins("good.example")).isFalse();
    EgressPolicy mute = EgressPolicy.parse(Default.ALLOW, List.of("a.test"), List.of(), false);
    assertThat(mute.decideName("a.test")).isEqualTo(NameVerdict.REFUSED);
  }

  @Test
  void internationalNamesAreComparedInTheirAsciiForm() {
    EgressPolicy policy = denyAllBut(List.of("*.Bücher.example"), List.of());
    assertThat(policy.decideName("www.XN--BCHER-KVA.example.")).isEqualTo(NameVerdict.FORWARD);
    assertThat(connects(policy, "www.xn--bcher-kva.example", 443, true)).isTrue();
    assertThat(connects(policy, "www.bucher.example", 443, true)).isFalse();
  }

  @Test
  void stepsAgreeWithDecideAndEndWithEverything() {
    for (EgressPolicy policy :
        List.of(
            EgressPolicy.OPEN,
            EgressPolicy.SHUT,
            denyAllBut(List.of("a.test"), List.of("b.test")),
            allowAllBut(List.of("a.test"), List.of("b.test")))) {
      assertThat(policy.steps().getLast().networks())
          .extracting(Destination.Network::cidr)
          .containsExactly(Cidr.ANY_V4, Cidr.ANY_V6);
      assertThat(policy.decide(InetAddress.ofLiteral("2001:db8::1"), 9)).isNotNull();
    }
  }

  @Test
  void listsAreBounded() {
    List<String> many = IntStream.range(0, 257).mapToObj(it -> "n" + it + ".test").toList();
    assertThatThrownBy(() -> denyAllBut(many, List.of()))
        .isInstanceOf(PodflareException.class)
        .hasMessageContaining("257 entries, at most 256");
    List<String> ports = IntStream.range(1, 34).mapToObj(it -> "n.test:" + it).toList();
    assertThatThrownBy(() -> denyAllBut(ports, List.of())).hasMessageContaining("33 ports");
  }
}
