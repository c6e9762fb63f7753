package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxInfo;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Takes the last calls of a sandbox back. */
@Command(
    name = "undo",
    description = {
      "Take a sandbox back to before its last call, or its last N calls: memory, disk and",
      "processes are those of then. Its id, deadlines, metadata and network policy stay; its",
      "running calls end. For sandboxes that were made with 'undo': 'run' and 'shell' have --undo."
    })
final class UndoCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "ID", description = "Sandbox")
  private String id;

  @Option(
      names = {"-n", "--calls"},
      paramLabel = "N",
      defaultValue = "1",
      description = "How many calls; ${DEFAULT-VALUE}")
  private int calls;

  @Option(names = "--json", description = "Print how many calls can be undone further, as JSON")
  private boolean json;

  @Override
  public void run() {
    if (calls < 1) {
      throw new PodflareException(ErrorCode.INVALID_FIELD, "--calls must be 1 or more");
    }
    try (Podflare podflare = server.connect()) {
      SandboxInfo info = podflare.sandbox(id).undo(calls);
      if (json) {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("id", info.id());
        report.put("undone", calls);
        report.put("available", info.undo().map(SandboxInfo.Undo::available).orElse(0));
        Output.json(spec.commandLine().getOut(), report);
      }
    }
  }
}
