package dev.podflare.engine;

import dev.podflare.network.Destination;
import dev.podflare.network.ProxySettings;
import dev.podflare.network.SecretRule;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Variables that programs of a guest with secrets need. Stateless. */
final class SecretEnvironment {
  private SecretEnvironment() {}

  /**
   * Placeholders by the secrets' names; where the authorities are that the guest trusts; and, where
   * there is a proxy, that the secrets' hosts are reached without it.
   *
   * @param usual variables that it has in any case
   */
  static Map<String, String> of(String secrets, Map<String, String> usual) {
    List<SecretRule> rules =
        SecretText.parse(secrets).stream().map(SecretText.Entry::rule).toList();
    Map<String, String> variables = new LinkedHashMap<>();
    if (rules.isEmpty()) {
      return variables;
    }
    variables.putAll(reaching(rules, usual));
    rules.forEach(rule -> variables.put(rule.name(), rule.placeholder()));
    return variables;
  }

  /** The same without placeholders. */
  static Map<String, String> reaching(List<SecretRule> rules, Map<String, String> usual) {
    Map<String, String> variables =
        new LinkedHashMap<>(ProxySettings.certificateVariables(EngineConfig.GUEST_CERTIFICATES));
    for (String name : List.of("NO_PROXY", "no_proxy")) {
      String direct = usual.get(name);
      if (direct != null) {
        variables.put(name, direct + "," + hosts(rules));
      }
    }
    return variables;
  }

  private static String hosts(List<SecretRule> rules) {
    return String.join(
        ",",
        rules.stream()
            .flatMap(rule -> rule.hosts().stream())
            .map(SecretEnvironment::direct)
            .distinct()
            .toList());
  }

  private static String direct(Destination.Domain host) {
    return (host.subdomains() ? "." : "") + host.name();
  }
}
