package dev.podflare.mcp;

import dev.podflare.client.ApiException;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What an execution gave, for models and for programs. */
final class RunOutput {
  /** Where in the guest the whole of a long output is put. */
  private static final String FOLDER = "/tmp/podflare-output/";

  static final Schemas.Field[] FIELDS = {
    Schemas.text("sandbox", "Id of the sandbox."),
    Schemas.text("exec_id", "Id of the execution."),
    Schemas.number("exit_code", 0, "0 if all went well; 124 timeout, 130 cancelled."),
    Schemas.text("reason", "exited, timeout, cancelled, crashed, out_of_memory or the like."),
    Schemas.text("stdout", "Standard output; of a long one head and tail."),
    Schemas.text("stderr", "Standard error; of a long one head and tail."),
    Schemas.number("stdout_bytes", 0, "Length of the whole standard output."),
    Schemas.number("stderr_bytes", 0, "Length of the whole standard error."),
    Schemas.text("result", "Value of a last expression, and what was displayed.").optional(),
    Schemas.list("figures", Map.of("type", "string"), "Resources of the figures that were shown.")
  };

  private final Map<String, Object> structured = new LinkedHashMap<>();
  private final List<Map<String, Object>> figures;
  private final String text;

  RunOutput(Sandbox sandbox, RunResult result, Heard heard) {
    String stdout = shown(sandbox, result.execId() + ".stdout", heard.stdout);
    String stderr = shown(sandbox, result.execId() + ".stderr", heard.stderr);
    structured.put("sandbox", sandbox.id());
    structured.put("exec_id", result.execId());
    structured.put("exit_code", result.exitCode());
    structured.put("reason", result.reason());
    structured.put("stdout", stdout);
    structured.put("stderr", stderr);
    structured.put("stdout_bytes", heard.stdout.total());
    structured.put("stderr_bytes", heard.stderr.total());
    StringBuilder all = new StringBuilder();
    all.append("stdout:\n").append(stdout).append("\nstderr:\n").append(stderr);
    all.append("\nexit_code: ").append(result.exitCode());
    if (!result.reason().equals("exited")) {
      all.append("\nreason: ").append(result.reason());
    }
    if (heard.values.total() > 0) {
      String value = heard.values.shown(Optional.empty()).stripTrailing();
      structured.put("result", value);
      all.append("\nresult:\n").append(value);
    }
    structured.put("figures", heard.figures.uris(sandbox.id(), result.execId()));
    this.figures = heard.figures.content(sandbox.id(), result.execId());
    this.text = all.toString();
  }

  String text() {
    return text;
  }

  List<Map<String, Object>> figures() {
    return figures;
  }

  Map<String, Object> structured() {
    return structured;
  }

  ToolResult result() {
    List<Map<String, Object>> content = new ArrayList<>();
    content.add(Content.text(text));
    content.addAll(figures);
    return new ToolResult(content, Optional.of(structured));
  }

  private static String shown(Sandbox sandbox, String name, Clip output) {
    return output.shown(output.isCut() ? where(sandbox, FOLDER + name, output) : Optional.empty());
  }

  /** Puts what was kept into a file of the guest, if it can. */
  private static Optional<String> where(Sandbox sandbox, String path, Clip output) {
    try {
      sandbox.files().write(path, output.kept());
    } catch (ApiException failed) { // its disk is full, or it is gone meanwhile
      return Optional.empty();
    }
    String part = output.isKept() ? "all of it" : "its first " + Clip.KEPT + " bytes";
    String verb = output.isKept() ? " is in " : " are in ";
    return Optional.of(part + verb + path);
  }
}
