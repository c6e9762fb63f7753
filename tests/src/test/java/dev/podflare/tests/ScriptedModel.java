package dev.podflare.tests;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A model whose answers are scripted, behind the chat completions of OpenAI's protocol. What it is
 * sent is kept. Thread-safe.
 */
final class ScriptedModel implements AutoCloseable {
  /** What the model says next. */
  sealed interface Turn {
    /** It asks for a tool. */
    record Call(String tool, Map<String, Object> arguments) implements Turn {}

    /** Its last word. */
    record Word(String text) implements Turn {}
  }

  private final HttpServer server;
  private final Queue<Turn> turns;

  /** Bodies of the requests, in order. */
  final Queue<JsonNode> requests = new ConcurrentLinkedQueue<>();

  private ScriptedModel(HttpServer server, List<Turn> turns) {
    this.server = server;
    this.turns = new ConcurrentLinkedQueue<>(turns);
  }

  static ScriptedModel of(Turn... turns) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    ScriptedModel model = new ScriptedModel(server, List.of(turns));
    server.createContext("/v1/chat/completions", model::answer);
    server.start();
    return model;
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/v1";
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      requests.add(JsonMapper.shared().readTree(exchange.getRequestBody().readAllBytes()));
      Turn turn = turns.poll();
      byte[] body = JsonMapper.shared().writeValueAsBytes(completion(turn));
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  private Map<String, Object> completion(Turn turn) {
    Map<String, Object> message =
        switch (turn) {
          case Turn.Call call ->
              Map.of(
                  "role",
                  "assistant",
                  "tool_calls",
                  List.of(
                      Map.of(
                          "id",
                          "call_" + requests.size(),
                          "type",
                          "function",
                          "function",
                          Map.of(
                              "name",
                              call.tool(),
                              "arguments",
                              JsonMapper.shared().writeValueAsString(call.arguments())))));
          case Turn.Word word -> Map.of("role", "assistant", "content", word.text());
          case null -> Map.of("role", "assistant", "content", "the script is over");
        };
    return Map.of(
        "id",
        "chatcmpl-" + requests.size(),
        "object",
        "chat.completion",
        "created",
        1_700_000_000,
        "model",
        "scripted",
        "choices",
        List.of(
            Map.of(
                "index",
                0,
                "message",
                message,
                "finish_reason",
                turn instanceof Turn.Call ? "tool_calls" : "stop")),
        "usage",
        Map.of("prompt_tokens", 1, "completion_tokens", 1, "total_tokens", 2));
  }

  /** What the model was told of the tool that it asked for last, as JSON. */
  String lastResult() {
    JsonNode last = requests.stream().reduce((one, other) -> other).orElseThrow();
    StringBuilder results = new StringBuilder();
    last.path("messages")
        .forEach(it -> {
          if (it.path("role").asString().equals("tool")) {
            results.setLength(0);
            results.append(it.path("content"));
          }
        });
    return results.toString();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
