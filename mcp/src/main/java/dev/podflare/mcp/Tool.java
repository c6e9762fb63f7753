package dev.podflare.mcp;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A tool that models call.
 *
 * @param description for the model
 * @param input JSON schema of the arguments
 * @param output JSON schema of the structured answer
 */
record Tool(
    String name,
    String title,
    String description,
    Map<String, Object> input,
    Optional<Map<String, Object>> output,
    Hints hints,
    Action action) {

  /** Does it. Throws {@link ToolFailure}. */
  interface Action {
    ToolResult run(Arguments arguments, Call call);
  }

  /**
   * What a client may think of it before it asks a person.
   *
   * @param readOnly changes nothing
   * @param destructive may take away what was there
   * @param idempotent twice is as once
   * @param openWorld reaches beyond the sandboxes
   */
  record Hints(boolean readOnly, boolean destructive, boolean idempotent, boolean openWorld) {
    static final Hints READS = new Hints(true, false, true, false);
    static final Hints ADDS = new Hints(false, false, false, false);
    static final Hints REPLACES = new Hints(false, true, true, false);

    /** Code may do anything that its sandbox may, on the network too. */
    static final Hints RUNS = new Hints(false, true, false, true);

    Map<String, Object> wire() {
      Map<String, Object> wire = new LinkedHashMap<>();
      wire.put("readOnlyHint", readOnly);
      wire.put("destructiveHint", destructive);
      wire.put("idempotentHint", idempotent);
      wire.put("openWorldHint", openWorld);
      return wire;
    }
  }

  Map<String, Object> wire() {
    Map<String, Object> wire = new LinkedHashMap<>();
    wire.put("name", name);
    wire.put("title", title);
    wire.put("description", description);
    wire.put("inputSchema", input);
    output.ifPresent(it -> wire.put("outputSchema", it));
    wire.put("annotations", hints.wire());
    return wire;
  }
}
