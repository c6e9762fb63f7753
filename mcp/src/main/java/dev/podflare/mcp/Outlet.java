package dev.podflare.mcp;

/** Where what belongs to one request goes. Thread-safe. */
public interface Outlet {
  /** A message on the way; it may be left out where nobody can take it in time. */
  void tell(byte[] message);

  /** The answer, and the end. */
  void answer(byte[] message);

  /** The end, without an answer: the request was cancelled. */
  void end();
}
