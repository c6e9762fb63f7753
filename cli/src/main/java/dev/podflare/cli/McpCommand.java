package dev.podflare.cli;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import picocli.CommandLine.Command;

/** The place of the MCP door. */
@Command(name = "mcp", description = "MCP server on stdin and stdout (not available yet).")
final class McpCommand implements Runnable {
  @Override
  public void run() {
    throw new PodflareException(
        ErrorCode.BAD_REQUEST, "mcp is not available yet in version " + Version.text());
  }
}
