package dev.podflare.mcp;

import dev.podflare.common.ErrorCode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One session with one client, whatever carries its messages: what it asks is answered by the
 * session's {@link Features}. Thread-safe: requests may be handled side by side, each on the thread
 * that brings it.
 */
public final class Conversation implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Conversation.class);
  private static final int MOST_AT_ONCE = 32;

  private final Features features;
  private final String version;
  private final Map<String, Tool> tools;
  private final Map<JsonNode, Call> running = new ConcurrentHashMap<>();
  private volatile boolean initialized;
  private volatile boolean closed;

  /** {@code version}: of this program, for the client's log. */
  public Conversation(Features features, String version) {
    this.features = features;
    this.version = version;
    this.tools =
        features.tools().stream()
            .collect(
                Collectors.toMap(Tool::name, Function.identity(), (a, _) -> a, LinkedHashMap::new));
  }

  /**
   * Takes a request in, so that it can be cancelled from now on.
   *
   * @return its work, to be run on any thread: it gives the answer to the outlet, or ends it
   *     without one
   */
  public Runnable take(Incoming.Request request, Outlet outlet) {
    Call call = new Call(request.params().path("_meta").path("progressToken"), outlet);
    try {
      enter(request, call);
    } catch (McpException refused) {
      return () -> outlet.answer(refused.message(request.id()));
    }
    return () -> work(request, call, outlet);
  }

  private void work(Incoming.Request request, Call call, Outlet outlet) {
    byte[] answer = new byte[0];
    try {
      if (!call.isCancelled()) {
        answer = JsonRpc.result(request.id(), result(request, call));
      }
    } catch (McpException refused) {
      answer = refused.message(request.id());
    } catch (RuntimeException unforeseen) {
      LOG.error("{} failed", request.method(), unforeseen);
      answer =
          new McpException(McpException.INTERNAL_ERROR, "something went wrong in Podflare")
              .message(request.id());
    } finally {
      running.remove(request.id());
    }
    if (call.isCancelled()) {
      outlet.end();
    } else {
      outlet.answer(answer);
    }
  }

  /** Takes in what wants no answer; what we do not know is nothing to us. */
  public void take(Incoming.Notification notification) {
    if (notification.method().equals("notifications/cancelled")) {
      Call call = running.get(notification.params().path("requestId"));
      if (call != null) {
        call.cancel();
      }
    }
  }

  /** Whether it has begun. */
  boolean isInitialized() {
    return initialized;
  }

  /** Whether a request is at work. */
  boolean isBusy() {
    return !running.isEmpty();
  }

  private void enter(Incoming.Request request, Call call) {
    if (!initialized && !request.initializes() && !request.method().equals("ping")) {
      boolean known = METHODS.contains(request.method());
      throw new McpException(
          known ? McpException.INVALID_REQUEST : McpException.METHOD_NOT_FOUND,
          known ? "initialize first" : "there is no method " + request.method());
    }
    if (running.size() >= MOST_AT_ONCE) {
      throw new McpException(
          McpException.REFUSED,
          "this session is at work on " + MOST_AT_ONCE + " requests, which is its limit",
          Map.of("code", ErrorCode.TOO_MANY_CONNECTIONS.wireName()));
    }
    if (running.putIfAbsent(request.id(), call) != null) {
      throw new McpException(
          McpException.INVALID_REQUEST, "a request with this id is at work already");
    }
    if (closed) { // one that came meanwhile would be missed by close
      call.cancel();
    }
  }

  private static final List<String> METHODS =
      List.of(
          "initialize",
          "ping",
          "tools/list",
          "tools/call",
          "resources/list",
          "resources/templates/list",
          "resources/read");

  private Object result(Incoming.Request request, Call call) {
    ObjectNode params = request.params();
    return switch (request.method()) {
      case "initialize" -> initialize(params);
      case "ping" -> Map.of();
      case "tools/list" -> Map.of("tools", tools.values().stream().map(Tool::wire).toList());
      case "tools/call" -> call(params, call);
      case "resources/list" -> list(params);
      case "resources/templates/list" ->
          Map.of("resourceTemplates", features.resources().templates());
      case "resources/read" ->
          Map.of("contents", features.resources().read(text(params, "uri"), call));
      default ->
          throw new McpException(
              McpException.METHOD_NOT_FOUND, "there is no method " + request.method());
    };
  }

  private Map<String, Object> initialize(ObjectNode params) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("protocolVersion", ProtocolVersions.negotiated(text(params, "protocolVersion")));
    answer.put("capabilities", Map.of("tools", Map.of(), "resources", Map.of()));
    answer.put("serverInfo", Map.of("name", "podflare", "title", "Podflare", "version", version));
    answer.put("instructions", features.instructions());
    initialized = true;
    return answer;
  }

  private Map<String, Object> call(ObjectNode params, Call call) {
    String name = text(params, "name");
    Tool tool = tools.get(name);
    if (tool == null) {
      throw new McpException(McpException.INVALID_PARAMS, "there is no tool '" + name + "'");
    }
    JsonNode arguments = params.path("arguments");
    if (!arguments.isMissingNode() && !arguments.isNull() && !arguments.isObject()) {
      throw new McpException(McpException.INVALID_PARAMS, "arguments must be an object");
    }
    try {
      return tool.action().run(new Arguments(arguments), call).wire();
    } catch (ToolFailure failed) {
      return failed.wire();
    }
  }

  private Map<String, Object> list(ObjectNode params) {
    JsonNode cursor = params.path("cursor");
    Resources.Page page =
        features
            .resources()
            .list(cursor.isString() ? Optional.of(cursor.asString()) : Optional.empty());
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("resources", page.resources());
    page.nextCursor().ifPresent(it -> answer.put("nextCursor", it));
    return answer;
  }

  private static String text(ObjectNode params, String name) {
    JsonNode value = params.path(name);
    if (!value.isString()) {
      throw new McpException(McpException.INVALID_PARAMS, "'" + name + "' must be a text");
    }
    return value.asString();
  }

  /** Cancels what is at work and ends what the session has. */
  @Override
  public void close() {
    closed = true;
    running.values().forEach(Call::cancel);
    features.close();
  }
}
