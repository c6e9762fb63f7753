package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ServerInfo;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BenchReportTest {
  private static final BenchRow QUICK = BenchRow.limited("quick", 1, "ms", 2, "n=1");
  private static final BenchRow SLOW = BenchRow.limited("slow", 3, "ms", 2, "n=1");

  private static BenchRun.Result result(List<BenchRow> rows, Map<BenchGroup, String> failures) {
    return new BenchRun.Result(new ServerInfo("1", "tcg", "why", Map.of()), rows, failures);
  }

  private static String said(BenchRun.Result result, BiConsumer<BenchReport, PrintWriter> how) {
    StringWriter text = new StringWriter();
    try (PrintWriter out = new PrintWriter(text)) {
      how.accept(new BenchReport(result), out);
    }
    return text.toString();
  }

  @Test
  void aPromiseIsKeptOnlyIfAllWasMeasured() {
    assertThat(result(List.of(QUICK), Map.of()).kept()).isTrue();
    assertThat(result(List.of(QUICK, SLOW), Map.of()).kept()).isFalse();
    assertThat(result(List.of(QUICK), Map.of(BenchGroup.FILES, "broken")).kept()).isFalse();
  }

  @Test
  void whatWasNotMeasuredIsSaidBesideTheRest() {
    BenchRun.Result result = result(List.of(QUICK), Map.of(BenchGroup.FILES, "broken"));
    assertThat(said(result, BenchReport::print)).contains("quick", "NOT MEASURED: files: broken");
    JsonNode json = JsonMapper.shared().readTree(said(result, BenchReport::printJson));
    assertThat(json.path("not_measured").path("files").asString()).isEqualTo("broken");
    assertThat(json.path("rows").path(0).path("kept").asBoolean()).isTrue();
  }
}
