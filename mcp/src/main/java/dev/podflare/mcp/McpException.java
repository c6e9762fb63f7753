package dev.podflare.mcp;

import java.util.LinkedHashMap;
import java.util.Map;

/** A request that cannot be answered: an error of the protocol, not of a tool. */
public final class McpException extends RuntimeException {
  static final int PARSE_ERROR = -32700;
  static final int INVALID_REQUEST = -32600;
  static final int METHOD_NOT_FOUND = -32601;
  static final int INVALID_PARAMS = -32602;
  static final int INTERNAL_ERROR = -32603;

  /** Of the protocol: there is no such resource. */
  static final int RESOURCE_NOT_FOUND = -32002;

  /** Ours: something that is there refused, with its code in the data. */
  static final int REFUSED = -32000;

  private static final long serialVersionUID = 1L;

  private final int code;
  private final transient Map<String, Object> data;

  McpException(int code, String message) {
    this(code, message, Map.of());
  }

  McpException(int code, String message, Map<String, Object> data) {
    super(message);
    this.code = code;
    this.data = data;
  }

  int code() {
    return code;
  }

  /** The error as a JSON-RPC message. {@code id}: of the request, or null if that is not known. */
  public byte[] message(@org.jspecify.annotations.Nullable Object id) {
    Map<String, Object> error = new LinkedHashMap<>();
    error.put("code", code);
    error.put("message", String.valueOf(getMessage()));
    if (!data.isEmpty()) {
      error.put("data", data);
    }
    return JsonRpc.failure(id, error);
  }
}
