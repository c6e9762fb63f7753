package dev.podflare.mcp;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Messages that we send. */
final class JsonRpc {
  private JsonRpc() {}

  static byte[] result(Object id, Object result) {
    return message("id", id, "result", result);
  }

  static byte[] failure(@Nullable Object id, Map<String, Object> error) {
    return message("id", id, "error", error);
  }

  static byte[] notification(String method, Map<String, Object> params) {
    return message("method", method, "params", params);
  }

  private static byte[] message(
      String firstName, @Nullable Object first, String secondName, Object second) {
    Map<String, @Nullable Object> message = new LinkedHashMap<>();
    message.put("jsonrpc", "2.0");
    message.put(firstName, first);
    message.put(secondName, second);
    return Json.bytes(message);
  }
}
