package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class HostRulesTest {
  private static final Pattern PROTOCOLS = Pattern.compile("l4proto (?:!= )?(\\{[^}]*}|[^ ]+)");

  /** Others are looked up in {@code /etc/protocols}, which a small Debian does not have. */
  @Test
  void protocolsAreNamedByKeywordsOfThePacketFilter() {
    Plan plan = new Plan("00000000", NetworkConfig.defaults().range());
    String rules = HostRules.text(plan, new HostFilter.Log(1, 0), true);
    List<String> named =
        PROTOCOLS
            .matcher(rules)
            .results()
            .flatMap(found -> Stream.of(found.group(1).split("[{} ,]+")))
            .filter(name -> !name.isEmpty())
            .toList();
    assertThat(named).contains("icmp", "icmpv6");
    assertThat(Set.of("tcp", "udp", "icmp", "icmpv6")).containsAll(named);
  }
}
