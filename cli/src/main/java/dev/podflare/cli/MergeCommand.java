package dev.podflare.cli;

import dev.podflare.client.Podflare;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lets a fork go on under its parent's id. */
@Command(
    name = "merge",
    description = {
      "Let a fork of a sandbox go on under the sandbox's id.",
      "The sandbox's own machine ends, and the fork's id is gone."
    })
final class MergeCommand implements Runnable {
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "ID", description = "Sandbox whose id goes on")
  private String id;

  @Parameters(index = "1", paramLabel = "WINNER", description = "Its fork, or a fork of its forks")
  private String winner;

  @Option(names = "--close-siblings", description = "End the other children of ID")
  private boolean closeSiblings;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      podflare.sandbox(id).mergeInto(podflare.sandbox(winner), closeSiblings);
    }
  }
}
