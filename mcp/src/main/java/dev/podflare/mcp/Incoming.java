package dev.podflare.mcp;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A message of the other side. */
public sealed interface Incoming {
  /** Wants an answer. {@code id}: a text or a whole number. */
  record Request(JsonNode id, String method, ObjectNode params) implements Incoming {
    /** Whether it begins a session. */
    public boolean initializes() {
      return method.equals("initialize");
    }

    /** Whether it may take long and has something to say meanwhile. */
    public boolean isCall() {
      return method.equals("tools/call");
    }
  }

  /** Wants none. */
  record Notification(String method, ObjectNode params) implements Incoming {}

  /** An answer; we ask nothing, so it is to nothing. */
  record Reply() implements Incoming {}

  /**
   * Reads one message.
   *
   * @throws McpException if it is none
   */
  static Incoming parse(byte[] bytes) {
    JsonNode tree = tree(bytes);
    if (tree.isArray()) {
      throw invalid("batches are not taken; send one message at a time");
    }
    if (!(tree instanceof ObjectNode message)
        || !message.path("jsonrpc").asString("").equals("2.0")) {
      throw invalid("not a JSON-RPC 2.0 message");
    }
    JsonNode id = message.path("id");
    boolean named = id.isString() || id.isIntegralNumber();
    if (!named && !id.isMissingNode()) {
      throw invalid("id must be a text or a whole number");
    }
    if (!message.has("method")) {
      if (named && (message.has("result") || message.has("error"))) {
        return new Reply();
      }
      throw invalid("neither a request nor an answer");
    }
    JsonNode method = message.path("method");
    if (!method.isString()) {
      throw invalid("method must be a text");
    }
    ObjectNode params = params(message.path("params"));
    return named
        ? new Request(id, method.asString(), params)
        : new Notification(method.asString(), params);
  }

  private static ObjectNode params(JsonNode params) {
    if (params.isMissingNode() || params.isNull()) {
      return Json.MAPPER.createObjectNode();
    }
    if (params instanceof ObjectNode object) {
      return object;
    }
    throw invalid("params must be an object");
  }

  private static JsonNode tree(byte[] bytes) {
    try {
      // The parser is lenient with malformed UTF-8.
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
    } catch (CharacterCodingException malformed) {
      throw new McpException(McpException.PARSE_ERROR, "the message is not UTF-8");
    }
    try (JsonParser parser = Json.MAPPER.createParser(bytes)) {
      JsonNode tree = parser.readValueAsTree();
      if (tree == null || parser.nextToken() != null) {
        throw new McpException(McpException.PARSE_ERROR, "not one JSON value");
      }
      return tree;
    } catch (JacksonException malformed) {
      throw new McpException(
          McpException.PARSE_ERROR, "no JSON: " + malformed.getOriginalMessage());
    }
  }

  private static McpException invalid(String sentence) {
    return new McpException(McpException.INVALID_REQUEST, sentence);
  }
}
