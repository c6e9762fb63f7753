package dev.podflare.server;

import dev.podflare.engine.NetworkView;
import dev.podflare.network.Destination;
import dev.podflare.network.EgressPolicy;
import dev.podflare.network.Refusal;
import dev.podflare.network.SlotReport;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Networks as the wire shows them. Stateless. */
final class NetworkAnswers {
  private NetworkAnswers() {}

  static Json.Entries policy(EgressPolicy policy) {
    return Json.object()
        .put("default", policy.fallback() == EgressPolicy.Default.ALLOW ? "allow" : "deny")
        .put("allow", texts(policy.allow()))
        .put("deny", texts(policy.deny()))
        .put("dns", policy.dns() ? "on" : "off");
  }

  private static List<String> texts(List<Destination> destinations) {
    return destinations.stream().map(Destination::toString).toList();
  }

  static Json.Entries network(NetworkView view) {
    Json.Entries answer = policy(view.policy()).put("networked", view.networked());
    view.report().ifPresent(report -> addReport(answer, report));
    return answer;
  }

  private static void addReport(Json.Entries answer, SlotReport report) {
    List<Map<String, @Nullable Object>> last =
        report.last().reversed().stream().map(it -> refusal(it).map()).toList();
    answer
        .put("bytes_sent", report.bytesUp())
        .put("bytes_received", report.bytesDown())
        .put("packets_sent", report.packetsUp())
        .put("packets_received", report.packetsDown())
        .put("refused", report.refused())
        .put("last_refused", last);
  }

  private static Json.Entries refusal(Refusal refusal) {
    return Json.object()
        .put("time", refusal.time())
        .put("protocol", refusal.protocol())
        .put("name", refusal.name())
        .put("address", refusal.addressText())
        .put("port", refusal.port().isPresent() ? refusal.port().getAsInt() : null)
        .put("rule", refusal.rule());
  }
}
