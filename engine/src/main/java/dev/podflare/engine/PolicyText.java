package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.network.Destination;
import dev.podflare.network.EgressPolicy;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** Network policies as records keep them: the JSON that callers send too. Stateless. */
final class PolicyText {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private record Fields(
      @JsonProperty("default") @Nullable String fallback,
      @Nullable List<String> allow,
      @Nullable List<String> deny,
      @Nullable String dns) {}

  private PolicyText() {}

  static String of(EgressPolicy policy) {
    return JSON.writeValueAsString(
        new Fields(
            policy.fallback() == EgressPolicy.Default.ALLOW ? "allow" : "deny",
            policy.allow().stream().map(Destination::toString).toList(),
            policy.deny().stream().map(Destination::toString).toList(),
            policy.dns() ? "on" : "off"));
  }

  static EgressPolicy parse(String text) {
    Fields fields = JSON.readValue(text, Fields.class);
    return EgressPolicy.parse(
        "allow".equals(fields.fallback()) ? EgressPolicy.Default.ALLOW : EgressPolicy.Default.DENY,
        fields.allow() == null ? List.of() : fields.allow(),
        fields.deny() == null ? List.of() : fields.deny(),
        "on".equals(fields.dns()));
  }
}
