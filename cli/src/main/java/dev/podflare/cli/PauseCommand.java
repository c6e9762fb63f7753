package dev.podflare.cli;

import dev.podflare.client.Podflare;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Lets a sandbox stand still. */
@Command(
    name = "pause",
    description = {
      "Let a sandbox stand still in the host's memory, with all that runs in it.",
      "Its lifetime stands still too; 'resume' lets it go on, 'freeze' takes it out of memory."
    })
final class PauseCommand implements Runnable {
  @Mixin private ServerOptions server;

  @Parameters(paramLabel = "ID", description = "Sandbox")
  private String id;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      podflare.sandbox(id).pause();
    }
  }
}
