package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class McpConfigTest {
  @ParameterizedTest
  @CsvSource({
    "claude-desktop, mcpServers",
    "cursor, mcpServers",
    "cline, mcpServers",
    "zed, context_servers",
    "vscode, servers"
  })
  void eachClientStartsTheProgram(String client, String section) {
    Outcome outcome = Outcome.of("mcp", "config", client, "--url", "host:1", "--key", "pf_live_k");
    assertThat(outcome.exitCode()).isZero();
    assertThat(outcome.err()).startsWith("Merge this into ");
    JsonNode block = JsonMapper.shared().readTree(outcome.out());
    assertThat(block.propertyNames()).containsExactly(section);
    JsonNode server = block.get(section).get("podflare");
    assertThat(server.get("command").stringValue()).startsWith("/").endsWith("podflare");
    assertThat(server.get("args").toString()).isEqualTo("[\"mcp\"]");
    assertThat(server.at("/env/PODFLARE_API_URL").stringValue()).isEqualTo("http://host:1");
    assertThat(server.at("/env/PODFLARE_API_KEY").stringValue()).isEqualTo("pf_live_k");
  }

  @ParameterizedTest
  @CsvSource({"cursor,''", "cline, streamableHttp", "zed,''", "vscode, http"})
  void eachClientButOneGoesOverHttp(String client, String type) {
    Outcome outcome =
        Outcome.of("mcp", "config", client, "--http", "--url", "https://host/", "--key", "k");
    JsonNode block = JsonMapper.shared().readTree(outcome.out());
    JsonNode server = block.iterator().next().get("podflare");
    assertThat(server.get("url").stringValue()).isEqualTo("https://host/mcp");
    assertThat(server.at("/headers/Authorization").stringValue()).isEqualTo("Bearer k");
    assertThat(server.path("type").asString("")).isEqualTo(type);
  }

  @Test
  void whatAClientCannotIsRefused() {
    Outcome http = Outcome.of("mcp", "config", "claude-desktop", "--http", "--key", "k");
    assertThat(http.exitCode()).isEqualTo(2);
    assertThat(http.err()).contains("take programs only");
    Outcome unknown = Outcome.of("mcp", "config", "emacs");
    assertThat(unknown.exitCode()).isEqualTo(2);
    assertThat(unknown.err()).contains("claude-desktop, cursor, cline, zed, vscode");
  }

  @Test
  void theLauncherSaysWhereItIs() {
    assertThat(McpConfigCommand.launcher(Map.of("PODFLARE_LAUNCHER", "/opt/podflare")))
        .isEqualTo("/opt/podflare");
  }
}
