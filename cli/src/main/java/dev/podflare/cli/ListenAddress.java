package dev.podflare.cli;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;

/** HOST:PORT, or [IPv6]:PORT; port 0 takes a free one. */
record ListenAddress(String host, int port) {
  static ListenAddress parse(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon > 0 ? text.substring(0, colon) : "";
    String port = text.substring(colon + 1);
    boolean bracketed = host.startsWith("[") && host.endsWith("]");
    if (host.isEmpty()
        || (host.contains(":") && !bracketed)
        || !port.matches("\\d{1,5}")
        || Integer.parseInt(port) > 65535) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          "not an address to listen on: '"
              + text
              + "'; write HOST:PORT, for example 127.0.0.1:8787");
    }
    return new ListenAddress(
        bracketed ? host.substring(1, host.length() - 1) : host, Integer.parseInt(port));
  }
}
