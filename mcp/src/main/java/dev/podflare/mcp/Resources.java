package dev.podflare.mcp;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What can be read beside tools, all in the protocol's form. Thread-safe. */
interface Resources {
  /** {@code cursor} of the page before. Throws {@link McpException}. */
  Page list(Optional<String> cursor);

  List<Map<String, Object>> templates();

  /** Throws {@link McpException}, also if there is no such resource. */
  List<Map<String, Object>> read(String uri, Call call);

  /** Some of them. */
  record Page(List<Map<String, Object>> resources, Optional<String> nextCursor) {
    public Page {
      resources = List.copyOf(resources);
    }
  }
}
