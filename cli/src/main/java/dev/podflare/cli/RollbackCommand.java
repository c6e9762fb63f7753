package dev.podflare.cli;

import dev.podflare.client.Podflare;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Takes a sandbox back to a snapshot. */
@Command(
    name = "rollback",
    description = {
      "Take a sandbox back to a snapshot: memory, disk and processes are those of then.",
      "Its id, deadlines, metadata and network policy stay; its running calls end."
    })
final class RollbackCommand implements Runnable {
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "ID", description = "Sandbox")
  private String id;

  @Parameters(index = "1", paramLabel = "SNAPSHOT", description = "Id or name of a snapshot")
  private String snapshot;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      podflare.sandbox(id).rollback(snapshot);
    }
  }
}
