package dev.podflare.mcp;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Tools and resources with the names that the official conformance suite wants of a server, so that
 * it can look at what carries them.
 */
public final class FixtureFeatures implements Features, Resources {
  private static final String PNG =
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJg"
          + "gg==";
  private static final String WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
  private static final String TEMPLATE = "test://template/";

  @Override
  public String instructions() {
    return "For tests.";
  }

  @Override
  public List<Tool> tools() {
    return List.of(
        tool("test_simple_text", Content.text("This is a simple text response for testing.")),
        tool("test_image_content", Content.media("image", PNG, "image/png")),
        tool("test_audio_content", Content.media("audio", WAV, "audio/wav")),
        tool(
            "test_embedded_resource",
            Content.resource(
                ResourceContents.text(
                    "test://embedded-resource",
                    "text/plain",
                    "This is an embedded resource content."))),
        tool(
            "test_multiple_content_types",
            Content.text("Multiple content types test:"),
            Content.media("image", PNG, "image/png"),
            Content.resource(
                ResourceContents.text(
                    "test://mixed-content-resource", "application/json", "{\"test\":\"data\"}"))),
        new Tool(
            "test_error_handling",
            "Fails",
            "Fails always.",
            Schemas.object(),
            Optional.empty(),
            Tool.Hints.READS,
            (_, _) -> {
              throw new ToolFailure("test", "This tool intentionally returns an error", Map.of());
            }),
        new Tool(
            "test_tool_with_progress",
            "Says how far it is",
            "Says how far it is.",
            Schemas.object(),
            Optional.empty(),
            Tool.Hints.READS,
            FixtureFeatures::progress),
        new Tool(
            "test_wait",
            "Waits",
            "Waits until it is cancelled, two minutes at most.",
            Schemas.object(),
            Optional.empty(),
            Tool.Hints.READS,
            FixtureFeatures::untilCancelled),
        tool("test_reconnection", Content.text("Reconnection test completed successfully")),
        new Tool(
            "json_schema_2020_12_tool",
            "Has a schema",
            "Tool with JSON Schema 2020-12 features",
            schema(),
            Optional.empty(),
            Tool.Hints.READS,
            (_, _) -> answer(Content.text("ok"))));
  }

  @SafeVarargs
  @SuppressWarnings("varargs")
  private static Tool tool(String name, Map<String, Object>... content) {
    return new Tool(
        name,
        name,
        "For tests.",
        Schemas.object(),
        Optional.empty(),
        Tool.Hints.READS,
        (_, _) -> answer(content));
  }

  @SafeVarargs
  @SuppressWarnings("varargs")
  private static ToolResult answer(Map<String, Object>... content) {
    return new ToolResult(List.of(content), Optional.empty());
  }

  private static ToolResult progress(Arguments arguments, Call call) {
    for (int done = 0; done <= 100; done += 50) {
      call.progress(done, Map.of("total", 100));
    }
    return answer(Content.text("done"));
  }

  private static ToolResult untilCancelled(Arguments arguments, Call call) {
    CountDownLatch cancelled = new CountDownLatch(1);
    call.onCancel(cancelled::countDown);
    try {
      return answer(Content.text(String.valueOf(cancelled.await(2, TimeUnit.MINUTES))));
    } catch (InterruptedException stopped) {
      throw new ToolFailure("test", "interrupted", Map.of());
    }
  }

  private static Map<String, Object> schema() {
    Map<String, Object> address =
        Schemas.object(Schemas.text("street", "Street"), Schemas.text("city", "City"));
    Map<String, Object> schema = new LinkedHashMap<>();
    schema.put("$schema", "https://json-schema.org/draft/2020-12/schema");
    schema.put("type", "object");
    schema.put("$defs", Map.of("address", address));
    schema.put(
        "properties",
        Map.of("name", Map.of("type", "string"), "address", Map.of("$ref", "#/$defs/address")));
    schema.put("additionalProperties", false);
    return schema;
  }

  @Override
  public Resources resources() {
    return this;
  }

  @Override
  public Page list(Optional<String> cursor) {
    return new Page(
        List.of(listed("test://static-text"), listed("test://static-binary")), Optional.empty());
  }

  private static Map<String, Object> listed(String uri) {
    return Map.of("uri", uri, "name", uri, "description", "For tests.");
  }

  @Override
  public List<Map<String, Object>> templates() {
    return List.of(Map.of("uriTemplate", TEMPLATE + "{id}/data", "name", "template"));
  }

  @Override
  public List<Map<String, Object>> read(String uri, Call call) {
    if (uri.equals("test://static-text")) {
      String text = "This is the content of the static text resource.";
      return List.of(ResourceContents.text(uri, "text/plain", text));
    }
    if (uri.equals("test://static-binary")) {
      return List.of(ResourceContents.base64(uri, "image/png", PNG));
    }
    if (uri.startsWith(TEMPLATE) && uri.endsWith("/data")) {
      String id = uri.substring(TEMPLATE.length(), uri.length() - "/data".length());
      return List.of(ResourceContents.text(uri, "application/json", "{\"id\":\"" + id + "\"}"));
    }
    throw new McpException(McpException.RESOURCE_NOT_FOUND, "there is no resource " + uri);
  }

  @Override
  public void close() {}
}
