package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.CreateRequest;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What callers send about sandboxes, read into the engine's words. */
final class CreateBody {
  private static final int MOST_VARIABLES = 1024;
  private static final int MOST_METADATA = 64;
  private static final int LONGEST_METADATA = 4096;
  private static final Set<String> POLICY_FIELDS = Set.of("default", "allow", "deny", "dns");

  private CreateBody() {}

  static CreateRequest request(Fields fields) {
    boolean egress = egress(fields);
    if (fields.has("snapshot")) {
      throw Exchange.notYet("snapshots are not available yet; create from a template");
    }
    if (fields.flag("auto_resume").orElse(false)) {
      throw Exchange.notYet("auto_resume is not available yet; leave it out");
    }
    return new CreateRequest(
        fields.shortText("template"),
        fields.seconds("timeout_seconds"),
        fields.seconds("idle_timeout_seconds"),
        fields.positive("vcpus"),
        fields.positive("ram_mib"),
        fields.positive("rootfs_gb"),
        persistent(fields).orElse(false),
        egress,
        env(fields),
        metadata(fields));
  }

  static Map<String, String> env(Fields fields) {
    return fields.texts(
        "env",
        MOST_VARIABLES,
        name -> name.matches("[A-Za-z_][A-Za-z0-9_]{0,255}"),
        "an object whose names are letters, digits and underscores");
  }

  static Map<String, String> metadata(Fields fields) {
    Map<String, String> metadata =
        fields.texts(
            "metadata",
            MOST_METADATA,
            name -> !name.isEmpty() && name.length() <= 128 && name.indexOf(0) < 0,
            "an object whose names have 1 to 128 characters");
    metadata.forEach((name, value) -> {
      if (value.length() > LONGEST_METADATA) {
        throw Fields.invalid("metadata." + name, "at most 4096 characters");
      }
    });
    return metadata;
  }

  /** Freezing comes later, and a sandbox that says it will be kept and is not would be a lie. */
  static Optional<Boolean> persistent(Fields fields) {
    Optional<Boolean> persistent = fields.flag("persistent");
    if (persistent.orElse(false)) {
      throw Exchange.notYet("persistent sandboxes are not available yet; leave 'persistent' out");
    }
    return persistent;
  }

  /** {@code egress} is short for a policy of one word; more than that word is not enforced yet. */
  private static boolean egress(Fields fields) {
    Optional<Boolean> egress = fields.flag("egress");
    if (!fields.has("network")) {
      return egress.orElse(true);
    }
    Fields policy = fields.object("network");
    requireKnown(policy);
    boolean allow =
        switch (policy.text("default").orElse(egress.orElse(true) ? "allow" : "deny")) {
          case "allow" -> true;
          case "deny" -> false;
          default -> throw Fields.invalid("network.default", "\"allow\" or \"deny\"");
        };
    if (egress.isPresent() && egress.get() != allow) {
      throw Fields.invalid("network.default", "what 'egress' says, when both are given");
    }
    int listed = policy.list("allow", 10_000).size() + policy.list("deny", 10_000).size();
    if (listed > 0 || policy.has("dns")) {
      throw Exchange.notYet(
          "network policies beyond 'default' are not available yet; guests have no network");
    }
    return allow;
  }

  private static void requireKnown(Fields policy) {
    for (String name : policy.names()) {
      if (!POLICY_FIELDS.contains(name)) {
        String shown = name.length() > 100 ? name.substring(0, 100) + "…" : name;
        throw new PodflareException(
            ErrorCode.UNKNOWN_POLICY_FIELD,
            "'network." + shown + "' is not known; a policy has default, allow, deny and dns",
            Map.of("field", "network." + shown));
      }
    }
  }
}
