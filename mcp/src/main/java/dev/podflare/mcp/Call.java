package dev.podflare.mcp;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * A request at work: what it may say meanwhile, and whether it is still wanted. Thread-safe; what
 * is said comes from one thread.
 */
public final class Call {
  private final JsonNode token;
  private final Outlet outlet;
  private final List<Runnable> hooks = new ArrayList<>(); // guarded by this
  private boolean cancelled; // guarded by this
  private double said;

  /** {@code token}: of the caller, for progress; missing if he wants none. */
  Call(JsonNode token, Outlet outlet) {
    this.token = token;
    this.outlet = outlet;
  }

  /** Whether somebody listens to {@link #progress}. */
  boolean wantsProgress() {
    return token.isString() || token.isNumber();
  }

  /** Says something; counted from 1 on. */
  void progress(String message) {
    progress(said + 1, Map.of("message", message));
  }

  /** Says how far it is; {@code progress} must grow. */
  void progress(double progress, Map<String, Object> more) {
    said = progress;
    if (!wantsProgress() || isCancelled()) {
      return;
    }
    Map<String, Object> params = new LinkedHashMap<>();
    params.put("progressToken", token);
    params.put("progress", progress);
    params.putAll(more);
    outlet.tell(JsonRpc.notification("notifications/progress", params));
  }

  synchronized boolean isCancelled() {
    return cancelled;
  }

  /** Runs this when the call is cancelled, at once if it is already. It must not wait for long. */
  void onCancel(Runnable hook) {
    synchronized (this) {
      if (!cancelled) {
        hooks.add(hook);
        return;
      }
    }
    hook.run();
  }

  /** The caller does not want it any more. */
  void cancel() {
    List<Runnable> due;
    synchronized (this) {
      if (cancelled) {
        return;
      }
      cancelled = true;
      due = List.copyOf(hooks);
    }
    due.forEach(Runnable::run);
  }
}
