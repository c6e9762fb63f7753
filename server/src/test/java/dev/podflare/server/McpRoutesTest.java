package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.TestServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** MCP over HTTP; official clients and real guests are in {@code tests/mcp}. */
class McpRoutesTest {
  private static final String SESSION = "Mcp-Session-Id";

  @TempDir Path folder;
  private TestServer test;
  private ApiClient client;

  @BeforeEach
  void start() {
    test = TestServer.start(folder);
    client = key("[]");
  }

  @AfterEach
  void stop() {
    client.close();
    test.close();
  }

  private ApiClient key(String scopes) {
    String wish = "{\"name\":\"k\",\"scopes\":" + scopes + "}";
    return test.client(ApiClient.json(test.admin.post("/v1/keys", wish)).get("key").stringValue());
  }

  @Test
  void aToolsCallIsAStreamThatEndsWithTheAnswer() {
    String session = begin(client, "");
    JsonNode made = call(client, session, "create_sandbox", "{}");
    String sandbox = made.at("/structuredContent/sandbox").stringValue();
    assertThat(client.get("/v1/sandboxes/" + sandbox).status()).isEqualTo(200);
    JsonNode listed = call(client, session, "list_sandboxes", "{}");
    assertThat(listed.at("/structuredContent/sandboxes/0/sandbox").stringValue())
        .isEqualTo(sandbox);
  }

  @Test
  void aKeyCanDoByMcpWhatItCanDoWithout() {
    try (ApiClient reader = key("[\"read\"]")) {
      String session = begin(reader, "");
      assertThat(call(reader, session, "list_sandboxes", "{}").has("isError")).isFalse();
      JsonNode refused = call(reader, session, "create_sandbox", "{}");
      assertThat(refused.get("isError").booleanValue()).isTrue();
      assertThat(refused.get("_meta").get("dev.podflare/error").get("code").stringValue())
          .isEqualTo("forbidden");
    }
  }

  @Test
  void aSessionIsItsKeysOwnAndGoneOnceItIsDeleted() {
    String session = begin(client, "");
    String ping = message("ping", "{}");
    assertThat(client.post("/mcp", ping, SESSION, session).status()).isEqualTo(200);
    try (ApiClient other = key("[]")) {
      assertThat(other.post("/mcp", ping, SESSION, session).status()).isEqualTo(404);
      assertThat(other.call("DELETE", "/mcp", "", SESSION, session).status()).isEqualTo(404);
    }
    assertThat(test.client("").post("/mcp", ping, SESSION, session).status()).isEqualTo(401);
    assertThat(client.call("DELETE", "/mcp", "", SESSION, session).status()).isEqualTo(204);
    assertThat(
            ApiClient.json(client.post("/mcp", ping, SESSION, session)).get("code").stringValue())
        .isEqualTo("mcp_session_not_found");
  }

  @Test
  void theSessionsOwnSandboxGoesWithItUnlessItIsKept() {
    String session = begin(client, "");
    String own = own(session);
    client.call("DELETE", "/mcp", "", SESSION, session);
    assertThat(client.get("/v1/sandboxes/" + own).status()).isNotEqualTo(200);
    String keeping = begin(client, "?keep=true");
    String kept = own(keeping);
    client.call("DELETE", "/mcp", "", SESSION, keeping);
    assertThat(client.get("/v1/sandboxes/" + kept).status()).isEqualTo(200);
    assertThat(client.post("/mcp?keep=perhaps", initialize()).status()).isEqualTo(400);
  }

  /** The first call that names none makes it; what else the call does matters not. */
  private String own(String session) {
    call(client, session, "list_processes", "{}");
    JsonNode listed = call(client, session, "list_sandboxes", "{}");
    for (JsonNode each : listed.at("/structuredContent/sandboxes")) {
      if (each.get("own").booleanValue()) {
        return each.get("sandbox").stringValue();
      }
    }
    throw new AssertionError("no own sandbox in " + listed);
  }

  @Test
  void anAnswerIsGivenAgainToWhoGoesOn() {
    String session = begin(client, "");
    Answer whole =
        client.post("/mcp", message("tools/call", tool("list_spaces", "{}")), SESSION, session);
    String first = whole.text().lines().findFirst().orElseThrow();
    assertThat(first).startsWith("id: ");
    Answer again =
        client.call("GET", "/mcp", "", SESSION, session, "Last-Event-ID", first.substring(4));
    assertThat(again.text()).isNotEmpty();
    assertThat(whole.text()).endsWith(again.text());
    List<String> nothing = List.of("9-0", "x", first.substring(4).replace("-0", "-1"));
    for (String place : nothing) {
      Answer refused = client.call("GET", "/mcp", "", SESSION, session, "Last-Event-ID", place);
      assertThat(refused.status()).as(place).isEqualTo(405);
    }
    assertThat(client.call("GET", "/mcp", "", SESSION, session).status()).isEqualTo(405);
  }

  @Test
  void whatIsNoMessageOrComesFromElsewhereIsRefused() {
    String session = begin(client, "");
    assertThat(client.post("/mcp", "{", SESSION, session).text()).contains("-32700");
    assertThat(client.post("/mcp", "[]", SESSION, session).text()).contains("-32600");
    String ping = message("ping", "{}");
    assertThat(client.post("/mcp", ping).status()).isEqualTo(400);
    assertThat(client.post("/mcp", initialize(), SESSION, session).status()).isEqualTo(400);
    assertThat(status(ping, session, "Accept", "text/html")).isEqualTo(400);
    assertThat(status(ping, session, "MCP-Protocol-Version", "1999-01-01")).isEqualTo(400);
    assertThat(status(ping, session, "MCP-Protocol-Version", "2025-03-26")).isEqualTo(200);
    assertThat(status(ping, session, "Origin", "https://evil.example")).isEqualTo(403);
    assertThat(status(ping, session, "Origin", "null")).isEqualTo(403);
    assertThat(status(ping, session, "Origin", "http://localhost:3000")).isEqualTo(200);
    assertThat(status("{\"jsonrpc\":\"2.0\",\"method\":\"x\"}", session, "X", "y")).isEqualTo(202);
  }

  @Test
  void aSessionThatCannotBeginTakesNoPlace() {
    for (int count = 0; count < 40; count++) {
      Answer answer = client.post("/mcp", message("initialize", "{}"));
      assertThat(answer.text()).contains("-32602");
      assertThat(answer.header(SESSION.toLowerCase(java.util.Locale.ROOT))).isEmpty();
    }
    begin(client, "");
  }

  private int status(String message, String session, String header, String value) {
    return client.post("/mcp", message, SESSION, session, header, value).status();
  }

  private static String initialize() {
    return message("initialize", "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}");
  }

  private static String begin(ApiClient client, String query) {
    Answer answer = client.post("/mcp" + query, initialize());
    assertThat(answer.status()).isEqualTo(200);
    return answer.header(SESSION.toLowerCase(java.util.Locale.ROOT)).orElseThrow();
  }

  private static JsonNode call(ApiClient client, String session, String name, String arguments) {
    Answer answer =
        client.post("/mcp", message("tools/call", tool(name, arguments)), SESSION, session);
    assertThat(answer.mediaType()).isEqualTo("text/event-stream");
    String last =
        new String(answer.body(), StandardCharsets.UTF_8)
            .lines()
            .filter(line -> line.startsWith("data: {"))
            .reduce((_, second) -> second)
            .orElseThrow();
    JsonNode message = JsonMapper.shared().readTree(last.substring("data: ".length()));
    assertThat(message.has("result")).as(last).isTrue();
    return message.get("result");
  }

  private static String tool(String name, String arguments) {
    return "{\"name\":\"" + name + "\",\"arguments\":" + arguments + "}";
  }

  private static String message(String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" + method + "\",\"params\":" + params + "}";
  }
}
