package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Prints what a client's settings need. */
@Command(
    name = "config",
    description = {
      "Print the settings with which a client finds the MCP server.",
      "The block goes to stdout, where it belongs to stderr."
    })
final class McpConfigCommand implements Callable<Integer> {
  /** Set by the launcher: its own path. */
  private static final String LAUNCHER = "PODFLARE_LAUNCHER";

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(
      paramLabel = "CLIENT",
      converter = McpClientConverter.class,
      description = "claude-desktop, cursor, cline, zed or vscode")
  private McpClient client;

  @Option(
      names = "--http",
      description = "Over HTTP, for a server elsewhere; the block then has the key in it")
  private boolean http;

  @Override
  public Integer call() {
    Map<String, Object> entry = http ? client.http(endpoint(), key()) : client.stdio(command());
    Map<String, Object> block = Map.of(client.section, Map.of("podflare", entry));
    Output.json(spec.commandLine().getOut(), block);
    spec.commandLine().getErr().println("Merge this into " + client.file + ".");
    spec.commandLine().getErr().flush();
    return 0;
  }

  private Map<String, Object> command() {
    Map<String, Object> command = new LinkedHashMap<>();
    command.put("command", launcher(System.getenv()));
    command.put("args", List.of("mcp"));
    Map<String, String> environment = new LinkedHashMap<>();
    if (server.url != null) {
      environment.put("PODFLARE_API_URL", ClientConfig.address(server.url).toString());
    }
    if (server.key != null) {
      environment.put("PODFLARE_API_KEY", server.key);
    }
    command.put("env", environment);
    return command;
  }

  static String launcher(Map<String, String> environment) {
    return environment.getOrDefault(
        LAUNCHER, Path.of("podflare").toAbsolutePath().normalize().toString());
  }

  private String endpoint() {
    String base = config().baseUrl().toString();
    return base.replaceFirst("/$", "") + "/mcp";
  }

  private Optional<String> key() {
    return config().key();
  }

  private ClientConfig config() {
    return server.config(System.getenv());
  }

  /** The clients, each with the form of its settings. */
  enum McpClient {
    CLAUDE_DESKTOP("mcpServers", "claude_desktop_config.json (Settings, Developer, Edit Config)"),
    CURSOR("mcpServers", "~/.cursor/mcp.json, or .cursor/mcp.json of a project"),
    CLINE("mcpServers", "cline_mcp_settings.json (MCP Servers, Configure)"),
    ZED("context_servers", "settings.json of Zed"),
    VSCODE("servers", ".vscode/mcp.json, or mcp.json of the user profile");

    private final String section;
    private final String file;

    McpClient(String section, String file) {
      this.section = section;
      this.file = file;
    }

    String wireName() {
      return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    }

    Map<String, Object> stdio(Map<String, Object> command) {
      return switch (this) {
        case CLAUDE_DESKTOP, CURSOR, ZED -> command;
        case CLINE -> with(command, Map.of("disabled", false, "autoApprove", List.of()));
        case VSCODE -> with(Map.of("type", "stdio"), command);
      };
    }

    Map<String, Object> http(String url, Optional<String> key) {
      Map<String, Object> address = new LinkedHashMap<>();
      address.put("url", url);
      key.ifPresent(it -> address.put("headers", Map.of("Authorization", "Bearer " + it)));
      return switch (this) {
        case CLAUDE_DESKTOP ->
            throw new PodflareException(
                ErrorCode.BAD_REQUEST,
                "Claude Desktop's settings take programs only; leave --http out and name the "
                    + "server with --url and --key");
        case CURSOR, ZED -> address;
        case CLINE ->
            with(
                with(Map.of("type", "streamableHttp"), address),
                Map.of("disabled", false, "autoApprove", List.of()));
        case VSCODE -> with(Map.of("type", "http"), address);
      };
    }

    private static Map<String, Object> with(Map<String, Object> first, Map<String, Object> more) {
      Map<String, Object> both = new LinkedHashMap<>(first);
      both.putAll(more);
      return both;
    }
  }

  /** Reads a client's name. */
  static final class McpClientConverter implements ITypeConverter<McpClient> {
    @Override
    public McpClient convert(String text) {
      return Arrays.stream(McpClient.values())
          .filter(it -> it.wireName().equals(text))
          .findFirst()
          .orElseThrow(() ->
              new TypeConversionException(
                  "'"
                      + text
                      + "' is not known; write "
                      + Arrays.stream(McpClient.values())
                          .map(McpClient::wireName)
                          .collect(Collectors.joining(", "))));
    }
  }
}
