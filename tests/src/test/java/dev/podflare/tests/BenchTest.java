package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The bench measures what it says, and its floors have kept up with what they are held against. How
 * fast anything is, is no matter here.
 */
@OnPlatform
@Order(70)
class BenchTest {
  @TempDir Path folder;

  @Test
  void groupsOfRowsAreMeasuredBesideTheirFloors() throws Exception {
    JsonNode report = bench("restores,terminals");
    assertThat(report.path("not_measured").properties()).as("%s", report).isEmpty();
    assertThat(names(report))
        .containsExactly(
            "restore into a blank, p50",
            "refill of one pool member, CPU",
            "key to its echo in a terminal, p50",
            "output of a terminal");
    JsonNode restore = report.path("rows").path(0);
    assertThat(restore.path("value").asDouble()).isPositive();
    assertThat(restore.path("floor").path("value").asDouble()).isPositive();
  }

  private static List<String> names(JsonNode report) {
    return StreamSupport.stream(report.path("rows").spliterator(), false)
        .map(row -> row.path("name").asString())
        .toList();
  }

  private JsonNode bench(String groups) throws Exception {
    DaemonProcess.Program program = DaemonProcess.Program.today();
    Path report = folder.resolve("report.json");
    Path said = folder.resolve("said");
    List<String> line = new ArrayList<>(program.java());
    line.addAll(List.of("bench", "--only", groups, "--json", report.toString()));
    line.addAll(List.of("--data", folder.resolve("data").toString()));
    line.addAll(List.of("--templates", program.templates().toString()));
    line.addAll(List.of("--template", TestTemplates.NAME));
    Process process =
        new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(said.toFile()).start();
    try {
      assertThat(process.waitFor(5, TimeUnit.MINUTES)).as(Files.readString(said)).isTrue();
      assertThat(report).as(Files.readString(said)).exists();
      return JsonMapper.shared().readTree(Files.readString(report));
    } finally {
      process.destroy();
    }
  }
}
