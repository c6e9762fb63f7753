package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.mcp.Conversation;
import dev.podflare.mcp.PodflareFeatures;
import dev.podflare.mcp.SessionOptions;
import dev.podflare.mcp.StdioDoor;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The MCP door on standard streams. */
@Command(
    name = "mcp",
    description = {
      "MCP server on stdin and stdout, for a client on this machine; the same tools as POST /mcp.",
      "It works on a running server. See 'mcp config' for what clients need."
    },
    subcommands = McpConfigCommand.class)
final class McpCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;

  @Option(
      names = "--sandbox",
      paramLabel = "ID",
      description = "Work in this sandbox and leave it; else one is made when it is needed")
  private @Nullable String sandbox;

  @Option(
      names = "--template",
      paramLabel = "NAME",
      description = "Template of the one that is made")
  private @Nullable String template;

  @Option(names = "--keep", description = "Do not delete it at the end")
  private boolean keep;

  @Override
  public Integer call() throws IOException {
    Logging.setUp(LogFormat.TEXT, "warn");
    SessionOptions options =
        new SessionOptions(Optional.ofNullable(sandbox), Optional.ofNullable(template), keep);
    try (Podflare podflare = new Podflare(server.config(System.getenv()).withMaxOutputBytes(0));
        FileOutputStream out = new FileOutputStream(FileDescriptor.out)) {
      Conversation conversation =
          new Conversation(new PodflareFeatures(podflare, options), Version.text());
      Thread atSignal = Thread.ofPlatform().unstarted(conversation::close);
      Runtime.getRuntime().addShutdownHook(atSignal);
      new StdioDoor(System.in, out).serve(conversation);
      return 0;
    }
  }
}
