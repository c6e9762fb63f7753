package dev.podflare.client;

import java.util.Map;

/**
 * Hears of an execution as it goes. Called on the thread that runs the code's call, one event at a
 * time; while it works, the program is held back.
 */
public interface RunListener {
  /** The server took the code; the id serves to cancel it from another thread. */
  default void started(String execId) {}

  /** Exactly the bytes that were written. */
  default void stdout(byte[] bytes) {}

  default void stderr(byte[] bytes) {}

  /** The value of a last expression, a figure and the like: mime type to value. */
  default void result(Map<String, String> data) {}
}
