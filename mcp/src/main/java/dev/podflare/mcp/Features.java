package dev.podflare.mcp;

import java.util.List;

/** What one session offers. Thread-safe; closed when the session ends. */
public interface Features extends AutoCloseable {
  /** How to use it, for the model. */
  String instructions();

  List<Tool> tools();

  Resources resources();

  /** The session is over. */
  @Override
  void close();
}
