package dev.podflare.mcp;

import dev.podflare.client.Podflare;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/**
 * The tools of sandboxes for programs that speak with a model themselves, without the protocol.
 * Calls that name no sandbox are for one of its own, which is made by the first of them and deleted
 * when this is closed. Thread-safe.
 */
public final class ToolBox implements AutoCloseable {
  /** Names of those that models need most; {@code merge_into} goes with {@code fork_and_try}. */
  public static final List<String> USUAL =
      List.of("run_code", "run_bash", "read_file", "write_file", "fork_and_try", "merge_into");

  private static final Outlet SILENT =
      new Outlet() {
        @Override
        public void tell(byte[] message) {}

        @Override
        public void answer(byte[] message) {}

        @Override
        public void end() {}
      };

  private final PodflareFeatures features;
  private final Map<String, Tool> tools = new LinkedHashMap<>();

  /**
   * With some of the tools.
   *
   * @param podflare its owner closes it, after this
   * @param names as in {@link #USUAL}
   * @throws IllegalArgumentException if there is no such tool
   */
  public ToolBox(Podflare podflare, SessionOptions options, List<String> names) {
    this.features = new PodflareFeatures(podflare, options);
    Map<String, Tool> all = new LinkedHashMap<>();
    features.tools().forEach(it -> all.put(it.name(), it));
    for (String name : names) {
      Tool tool = all.get(name);
      if (tool == null) {
        throw new IllegalArgumentException(
            "there is no tool '" + name + "', only " + String.join(", ", all.keySet()));
      }
      tools.put(name, tool);
    }
  }

  /**
   * A tool as a model is told of it.
   *
   * @param schema JSON schema of its arguments, an object
   */
  public record Offer(String name, String description, String schema) {}

  /** A picture for a model. {@code base64}: its bytes. */
  public record Picture(String mimeType, String base64) {}

  /**
   * What a tool gave back.
   *
   * @param text for the model; long output has its middle cut out, and says so
   * @param failed whether it could not be done; the text says why, and the model may mend it
   */
  public record Answer(String text, List<Picture> pictures, boolean failed) {
    public Answer {
      pictures = List.copyOf(pictures);
    }

    /** For models that take text alone: they are told of the pictures. */
    public String plain() {
      return pictures.isEmpty()
          ? text
          : text + "\n[" + pictures.size() + " figures, not shown here]";
    }
  }

  /** How to use them, for the model. */
  public String instructions() {
    return features.instructions();
  }

  public List<Offer> offers() {
    return tools.values().stream()
        .map(it ->
            new Offer(it.name(), it.description(), Json.MAPPER.writeValueAsString(it.input())))
        .toList();
  }

  /**
   * Does what a model asks for, and waits for it. Whatever goes wrong is an answer, too.
   *
   * @param arguments JSON, an object
   */
  public Answer call(String name, String arguments) {
    try {
      Tool tool = tools.get(name);
      if (tool == null) {
        throw ToolFailure.badArgument("there is no tool '" + name + "'");
      }
      Call call = new Call(MissingNode.getInstance(), SILENT);
      return answer(tool.action().run(new Arguments(object(arguments)), call).content(), false);
    } catch (ToolFailure failure) {
      return answer(Content.all(failure.wire()), true);
    }
  }

  private static JsonNode object(String arguments) {
    try {
      JsonNode fields = Json.MAPPER.readTree(arguments.isBlank() ? "{}" : arguments);
      if (fields.isObject()) {
        return fields;
      }
    } catch (JacksonException e) {
      throw ToolFailure.badArgument("the arguments are no JSON: " + e.getOriginalMessage());
    }
    throw ToolFailure.badArgument("the arguments must be an object");
  }

  private static Answer answer(List<Map<String, Object>> content, boolean failed) {
    List<String> texts = new ArrayList<>();
    List<Picture> pictures = new ArrayList<>();
    for (Map<String, Object> piece : content) {
      Optional<Picture> picture = Content.picture(piece);
      picture.ifPresentOrElse(pictures::add, () -> texts.add(Content.shown(piece)));
    }
    return new Answer(String.join("\n", texts), pictures, failed);
  }

  @Override
  public void close() {
    features.close();
  }
}
