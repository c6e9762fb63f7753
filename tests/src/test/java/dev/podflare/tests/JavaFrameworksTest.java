package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.invocation.InvocationContext;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.tool.ToolExecutor;
import dev.langchain4j.service.tool.ToolProviderRequest;
import dev.podflare.client.ListFilter;
import dev.podflare.mcp.SessionOptions;
import dev.podflare.tests.ScriptedModel.Turn;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.openai.OpenAiChatOptions;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whole tool loops of Java's frameworks: the model asks, the tool runs in a guest, it is told. */
@OnPlatform
@Order(45)
class JavaFrameworksTest {
  private static final Turn[] SCRIPT = {
    new Turn.Call("run_code", Map.of("code", "x = 6\nprint('first', x * 7)")),
    new Turn.Call(
        "fork_and_try", Map.of("attempts", List.of("print('a', x)", "print('b', x * 2)"))),
    new Turn.Call("write_file", Map.of("path", "/root/note", "content", "kept")),
    new Turn.Call("run_bash", Map.of("command", "cat /root/note; exit 3")),
    new Turn.Call("read_file", Map.of("path", "/root/nowhere")),
    new Turn.Call("run_code", Map.of("code", "print(x)")),
    new Turn.Word("done"),
  };

  private final TestPlatform platform;

  JavaFrameworksTest(TestPlatform platform) {
    this.platform = platform;
  }

  interface Assistant {
    String chat(String message);
  }

  /** What the model was told, turn by turn. */
  private static void toldAsItWent(ScriptedModel model) {
    List<JsonNode> requests = List.copyOf(model.requests);
    assertThat(requests).hasSize(SCRIPT.length);
    List<List<String>> expected =
        List.of(
            List.of("first 42"),
            List.of("a 6", "b 12"),
            List.of("/root/note"),
            List.of("kept", "3"),
            List.of("file_not_found"),
            List.of("6"));
    JsonNode messages = requests.getLast().path("messages");
    List<String> told = new java.util.ArrayList<>();
    messages.forEach(it -> {
      if (it.path("role").asString().equals("tool")) {
        told.add(it.path("content").toString());
      }
    });
    assertThat(told).hasSize(expected.size());
    for (int i = 0; i < told.size(); i++) {
      assertThat(told.get(i)).contains(expected.get(i));
    }
    assertThat(tools(requests.getFirst()))
        .containsExactlyInAnyOrder(
            "run_code", "run_bash", "read_file", "write_file", "fork_and_try", "merge_into");
    JsonNode runCode = parameters(requests.getFirst(), "run_code");
    assertThat(runCode.path("properties").path("code").path("type").asString()).isEqualTo("string");
    assertThat(runCode.path("required").path(0).asString()).isEqualTo("code");
  }

  private static List<String> tools(JsonNode request) {
    List<String> names = new java.util.ArrayList<>();
    request.path("tools").forEach(it -> names.add(it.path("function").path("name").asString()));
    return names;
  }

  private static JsonNode parameters(JsonNode request, String tool) {
    for (JsonNode each : request.path("tools")) {
      if (each.path("function").path("name").asString().equals(tool)) {
        return each.path("function").path("parameters");
      }
    }
    throw new AssertionError("no tool " + tool);
  }

  private int sandboxes() {
    return platform.client.listAll(ListFilter.ALL, 1000).size();
  }

  private ChatModel langchain(ScriptedModel model) {
    return OpenAiChatModel.builder()
        .baseUrl(model.url())
        .apiKey("none")
        .modelName("scripted")
        .timeout(TestPlatform.PATIENCE)
        .maxRetries(0)
        .build();
  }

  @Test
  void langChain4jRunsItsToolLoop() throws Exception {
    int before = sandboxes();
    try (ScriptedModel model = ScriptedModel.of(SCRIPT);
        var tools = dev.podflare.langchain4j.PodflareTools.of(platform.client)) {
      Assistant assistant =
          AiServices.builder(Assistant.class)
              .chatModel(langchain(model))
              .toolProvider(tools)
              .build();
      assertThat(assistant.chat("go")).isEqualTo("done");
      toldAsItWent(model);
      assertThat(sandboxes()).isGreaterThan(before);
    }
    assertThat(sandboxes()).as("its sandboxes are gone with it").isEqualTo(before);
  }

  @Test
  void springAiRunsItsToolLoop() throws Exception {
    int before = sandboxes();
    try (ScriptedModel model = ScriptedModel.of(SCRIPT);
        var tools = dev.podflare.springai.PodflareTools.of(platform.client)) {
      var options =
          OpenAiChatOptions.builder()
              .baseUrl(model.url())
              .apiKey("none")
              .model("scripted")
              .timeout(Duration.ofMinutes(2))
              .build();
      ChatClient client =
          ChatClient.create(
              org.springframework.ai.openai.OpenAiChatModel.builder().options(options).build());
      assertThat(client.prompt("go").tools(tools).call().content()).isEqualTo("done");
      toldAsItWent(model);
    }
    assertThat(sandboxes()).isEqualTo(before);
  }

  @Test
  void figuresAreImagesForModelsThatTakeThemAndWordsForOthers() throws Exception {
    String pixel =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    Map<String, Object> arguments =
        Map.of(
            "code",
            "import base64\nfrom IPython.display import Image, display\n"
                + "display(Image(data=base64.b64decode('"
                + pixel
                + "')))\nprint('shown')");
    try (ScriptedModel model =
            ScriptedModel.of(new Turn.Call("run_code", arguments), new Turn.Word("seen"));
        var tools = dev.podflare.langchain4j.PodflareTools.of(platform.client)) {
      Assistant assistant =
          AiServices.builder(Assistant.class)
              .chatModel(langchain(model))
              .toolProvider(tools)
              .build();
      assertThat(assistant.chat("go")).isEqualTo("seen");
      assertThat(model.lastResult()).contains("shown", "[1 figures, not shown here]");
    }
    try (var tools =
        dev.podflare.langchain4j.PodflareTools.of(
            platform.client, SessionOptions.DEFAULTS, List.of("run_code"), true)) {
      ToolExecutionRequest request =
          ToolExecutionRequest.builder()
              .name("run_code")
              .arguments(JsonMapper.shared().writeValueAsString(arguments))
              .build();
      ToolExecutor executor =
          tools
              .provideTools(new ToolProviderRequest("any", UserMessage.from("go")))
              .aiServiceTools()
              .getFirst()
              .toolExecutor();
      assertThat(
              executor
                  .executeWithContext(request, InvocationContext.builder().build())
                  .resultContents())
          .last()
          .isInstanceOfSatisfying(
              ImageContent.class,
              it -> {
                assertThat(it.image().mimeType()).isEqualTo("image/png");
                assertThat(it.image().base64Data()).isEqualTo(pixel);
              });
    }
  }

  @Test
  void onlyTheToolsThatAreAskedForAreGiven() {
    try (var tools =
        dev.podflare.springai.PodflareTools.of(
            platform.client, SessionOptions.DEFAULTS, List.of("run_bash"))) {
      assertThat(tools.getToolCallbacks())
          .singleElement()
          .satisfies(it -> {
            assertThat(it.getToolDefinition().name()).isEqualTo("run_bash");
            assertThat(it.call("{\"command\": 1}")).contains("invalid_field");
            assertThat(it.call("no json")).contains("invalid_field");
          });
    }
    assertThatThrownBy(() ->
            dev.podflare.springai.PodflareTools.of(
                platform.client, SessionOptions.DEFAULTS, List.of("sudo")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("run_code");
  }
}
