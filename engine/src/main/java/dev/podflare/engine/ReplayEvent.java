package dev.podflare.engine;

/** An event and the execution it belongs to. */
public record ReplayEvent(String executionId, ExecRequest.Framing framing, ExecEvent event) {}
