package dev.podflare.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.image.Image;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.invocation.InvocationContext;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.service.tool.ToolExecutionResult;
import dev.langchain4j.service.tool.ToolExecutor;
import dev.langchain4j.service.tool.ToolProvider;
import dev.langchain4j.service.tool.ToolProviderRequest;
import dev.langchain4j.service.tool.ToolProviderResult;
import dev.podflare.client.Podflare;
import dev.podflare.mcp.SessionOptions;
import dev.podflare.mcp.ToolBox;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Sandboxes as tools of LangChain4j: {@code AiServices.builder(…).toolProvider(tools)}. Calls that
 * name no sandbox are for one of its own, which keeps files and variables from call to call, is
 * made by the first call and deleted when this is closed. Thread-safe.
 */
public final class PodflareTools implements ToolProvider, AutoCloseable {
  private final ToolBox box;
  private final ToolProviderResult tools;

  /** The usual tools, for a sandbox of the server's default template. */
  public static PodflareTools of(Podflare podflare) {
    return of(podflare, SessionOptions.DEFAULTS, ToolBox.USUAL, false);
  }

  /**
   * Some tools.
   *
   * @param podflare its owner closes it, after this
   * @param names as in {@link ToolBox#USUAL}
   * @param images whether figures come back as images. Not all models take them: OpenAI's chat
   *     completions fail with them, and are told of figures in words instead
   */
  public static PodflareTools of(
      Podflare podflare, SessionOptions options, List<String> names, boolean images) {
    return new PodflareTools(new ToolBox(podflare, options, names), images);
  }

  private PodflareTools(ToolBox box, boolean images) {
    this.box = box;
    ToolProviderResult.Builder all = ToolProviderResult.builder();
    box.offers().forEach(it -> all.add(specification(it), new Executor(box, images)));
    this.tools = all.build();
  }

  @Override
  public ToolProviderResult provideTools(ToolProviderRequest request) {
    return tools;
  }

  /** How to use them, for a system message. */
  public String instructions() {
    return box.instructions();
  }

  private static ToolSpecification specification(ToolBox.Offer offer) {
    JsonNode schema = JsonMapper.shared().readTree(offer.schema());
    JsonObjectSchema.Builder parameters = JsonObjectSchema.builder();
    schema
        .path("properties")
        .properties()
        .forEach(it ->
            parameters.addProperty(it.getKey(), JsonRawSchema.from(it.getValue().toString())));
    List<String> required = new ArrayList<>();
    schema.path("required").forEach(it -> required.add(it.asString()));
    return ToolSpecification.builder()
        .name(offer.name())
        .description(offer.description())
        .parameters(parameters.required(required).build())
        .build();
  }

  /** Does what the model asks for. */
  private record Executor(ToolBox box, boolean images) implements ToolExecutor {
    @Override
    public String execute(ToolExecutionRequest request, Object memoryId) {
      return box.call(request.name(), request.arguments()).plain();
    }

    @Override
    public ToolExecutionResult executeWithContext(
        ToolExecutionRequest request, InvocationContext context) {
      ToolBox.Answer answer = box.call(request.name(), request.arguments());
      ToolExecutionResult.Builder result = ToolExecutionResult.builder().isError(answer.failed());
      if (answer.pictures().isEmpty() || !images) {
        return result.resultText(answer.plain()).build();
      }
      List<Content> contents = new ArrayList<>(List.of(TextContent.from(answer.text())));
      answer.pictures().forEach(it -> contents.add(image(it)));
      return result.resultContents(contents).build();
    }

    private static Content image(ToolBox.Picture picture) {
      return ImageContent.from(
          Image.builder().base64Data(picture.base64()).mimeType(picture.mimeType()).build());
    }
  }

  @Override
  public void close() {
    box.close();
  }
}
