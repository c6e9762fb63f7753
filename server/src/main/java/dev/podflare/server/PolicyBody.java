package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.network.EgressPolicy;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What callers say about what a guest may reach. Nothing of it is ignored: a policy that is not
 * understood would not be enforced. Stateless.
 */
final class PolicyBody {
  private static final Set<String> FIELDS = Set.of("default", "allow", "deny", "dns");

  private PolicyBody() {}

  /** Of a create: {@code egress} is short for a policy of one word. */
  static EgressPolicy ofCreate(Fields fields) {
    Optional<Boolean> egress = fields.flag("egress");
    if (!fields.has("network")) {
      return egress.orElse(true) ? EgressPolicy.OPEN : EgressPolicy.SHUT;
    }
    EgressPolicy policy = policy(fields.object("network"), "network.", egress.orElse(true));
    boolean open = policy.fallback() == EgressPolicy.Default.ALLOW;
    if (egress.isPresent() && egress.get() != open) {
      throw Fields.invalid("network.default", "what 'egress' says, when both are given");
    }
    return policy;
  }

  /** A policy alone. */
  static EgressPolicy policy(Fields fields) {
    return policy(fields, "", true);
  }

  private static EgressPolicy policy(Fields fields, String prefix, boolean open) {
    requireKnown(fields, prefix);
    EgressPolicy.Default fallback =
        switch (fields.text("default").orElse(open ? "allow" : "deny")) {
          case "allow" -> EgressPolicy.Default.ALLOW;
          case "deny" -> EgressPolicy.Default.DENY;
          default -> throw Fields.invalid(prefix + "default", "\"allow\" or \"deny\"");
        };
    EgressPolicy policy =
        EgressPolicy.parse(
            fallback,
            fields.list("allow", EgressPolicy.MOST_ENTRIES),
            fields.list("deny", EgressPolicy.MOST_ENTRIES),
            true);
    // Names are of no use where no rule is about one.
    boolean named = fallback == EgressPolicy.Default.ALLOW || policy.hasDomains();
    boolean dns =
        switch (fields.text("dns").orElse(named ? "on" : "off")) {
          case "on" -> true;
          case "off" -> false;
          default -> throw Fields.invalid(prefix + "dns", "\"on\" or \"off\"");
        };
    return new EgressPolicy(fallback, policy.allow(), policy.deny(), dns);
  }

  private static void requireKnown(Fields policy, String prefix) {
    for (String name : policy.names()) {
      if (!FIELDS.contains(name)) {
        String shown = prefix + (name.length() > 100 ? name.substring(0, 100) + "…" : name);
        throw new PodflareException(
            ErrorCode.UNKNOWN_POLICY_FIELD,
            "'" + shown + "' is not known; a policy has default, allow, deny and dns",
            Map.of("field", shown));
      }
    }
  }
}
