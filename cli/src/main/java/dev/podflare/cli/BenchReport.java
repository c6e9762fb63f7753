package dev.podflare.cli;

import dev.podflare.client.ServerInfo;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The bench's result, for people and for programs. */
final class BenchReport {
  private final BenchRun.Result result;

  BenchReport(BenchRun.Result result) {
    this.result = result;
  }

  /** The table, and below it what could not be measured. */
  void print(PrintWriter out) {
    out.println(result.server().accelerator() + ": " + result.server().acceleratorReason());
    table(result.rows()).print(out);
    result.failures().forEach((group, why) -> out.println("NOT MEASURED: " + group + ": " + why));
  }

  void printJson(PrintWriter out) {
    Output.json(out, json());
  }

  /**
   * @throws PodflareException {@code invalid_config} if the file cannot be written
   */
  void write(Path file) {
    try (PrintWriter writer = new PrintWriter(Files.newBufferedWriter(file))) {
      printJson(writer);
    } catch (IOException unwritable) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "cannot write " + file + ": " + unwritable, unwritable);
    }
  }

  private Map<String, Object> json() {
    ServerInfo server = result.server();
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("version", server.version());
    report.put("accelerator", server.accelerator());
    report.put("accelerator_reason", server.acceleratorReason());
    report.put("processors", Runtime.getRuntime().availableProcessors());
    report.put("rows", result.rows().stream().map(BenchReport::row).toList());
    Map<String, String> failures = new LinkedHashMap<>();
    result.failures().forEach((group, why) -> failures.put(group.toString(), why));
    report.put("not_measured", failures);
    return report;
  }

  private static Map<String, @Nullable Object> row(BenchRow row) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("name", row.name());
    json.put("value", Double.isNaN(row.value()) ? null : row.value());
    json.put("unit", row.unit());
    row.floor().ifPresent(floor -> json.put("floor", floor));
    row.ratio().ifPresent(ratio -> json.put("ratio", ratio));
    json.put("aim", row.aim());
    row.kept().ifPresent(kept -> json.put("kept", kept));
    json.put("note", row.note());
    return json;
  }

  static Table table(List<BenchRow> rows) {
    Table table = new Table("ROW", "VALUE", "FLOOR", "RATIO", "AIM", "KEPT", "NOTE");
    for (BenchRow row : rows) {
      table.row(
          row.name(),
          Double.isNaN(row.value())
              ? "-"
              : String.format(Locale.ROOT, "%.2f %s", row.value(), row.unit()),
          row.floor().map(it -> String.format(Locale.ROOT, "%.2f", it.value())).orElse("-"),
          row.ratio().map(it -> String.format(Locale.ROOT, "%.2f", it)).orElse("-"),
          row.aim(),
          row.kept().map(kept -> kept ? "yes" : "NO").orElse("-"),
          row.note());
    }
    return table;
  }
}
