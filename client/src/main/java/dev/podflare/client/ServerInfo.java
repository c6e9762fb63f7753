package dev.podflare.client;

import java.util.Map;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/**
 * What a server is.
 *
 * @param all the whole answer, limits included, as the server wrote it
 */
public record ServerInfo(
    String version, String accelerator, String acceleratorReason, Map<String, Object> all) {

  static ServerInfo of(byte[] answer) {
    JsonNode tree = Json.tree(answer);
    return new ServerInfo(
        tree.path("version").asString(""),
        tree.path("accelerator").asString(""),
        tree.path("accelerator_reason").asString(""),
        Json.MAPPER.convertValue(tree, new TypeReference<Map<String, Object>>() {}));
  }
}
