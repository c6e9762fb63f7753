package dev.podflare.springai;

import dev.podflare.client.Podflare;
import dev.podflare.mcp.SessionOptions;
import dev.podflare.mcp.ToolBox;
import java.util.List;
import org.springframework.ai.tool.ToolCallback;
import org.springframework.ai.tool.ToolCallbackProvider;
import org.springframework.ai.tool.definition.ToolDefinition;

/**
 * Sandboxes as tools of Spring AI: {@code chatClient.prompt(…).tools(tools)}. Calls that name no
 * sandbox are for one of its own, which keeps files and variables from call to call, is made by the
 * first call and deleted when this is closed. Tools of Spring AI give text alone, so of a figure
 * the model is told that it is there. Thread-safe.
 */
public final class PodflareTools implements ToolCallbackProvider, AutoCloseable {
  private final ToolBox box;

  /** The usual tools, for a sandbox of the server's default template. */
  public static PodflareTools of(Podflare podflare) {
    return of(podflare, SessionOptions.DEFAULTS, ToolBox.USUAL);
  }

  /**
   * Some tools.
   *
   * @param podflare its owner closes it, after this
   * @param names as in {@link ToolBox#USUAL}
   */
  public static PodflareTools of(Podflare podflare, SessionOptions options, List<String> names) {
    return new PodflareTools(new ToolBox(podflare, options, names));
  }

  private PodflareTools(ToolBox box) {
    this.box = box;
  }

  @Override
  public ToolCallback[] getToolCallbacks() {
    return box.offers().stream().map(it -> new Callback(box, it)).toArray(ToolCallback[]::new);
  }

  /** How to use them, for a system message. */
  public String instructions() {
    return box.instructions();
  }

  /** Does what the model asks for. */
  private record Callback(ToolBox box, ToolBox.Offer offer) implements ToolCallback {
    @Override
    public ToolDefinition getToolDefinition() {
      return ToolDefinition.builder()
          .name(offer.name())
          .description(offer.description())
          .inputSchema(offer.schema())
          .build();
    }

    @Override
    public String call(String arguments) {
      return box.call(offer.name(), arguments).plain();
    }
  }

  @Override
  public void close() {
    box.close();
  }
}
