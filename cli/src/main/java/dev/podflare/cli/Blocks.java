package dev.podflare.cli;

import java.util.Optional;

/**
 * Gathers lines of Python into blocks, as a line-wise prompt needs it. A line that ends with a
 * colon or begins with {@code @} opens a block, which an empty line closes; brackets, triple quotes
 * and a backslash at the end of a line go on until they are closed. One thread.
 */
final class Blocks {
  private final StringBuilder pending = new StringBuilder();

  /** Takes a line, or several that were pasted; returns the code to run once it is whole. */
  Optional<String> add(String line) {
    if (isOpen() && line.isBlank() && !PythonText.of(pending.toString()).unfinished()) {
      return take();
    }
    pending.append(line).append('\n');
    PythonText text = PythonText.of(pending.toString());
    boolean waits = text.unfinished() || (text.compound() && !pasted(line));
    return waits ? Optional.empty() : take();
  }

  /** Whether lines wait for the rest of their block. */
  boolean isOpen() {
    return !pending.isEmpty();
  }

  /** What has been gathered, whole or not; empty if nothing was. */
  Optional<String> take() {
    String code = pending.toString();
    pending.setLength(0);
    return code.isBlank() ? Optional.empty() : Optional.of(code);
  }

  /** A block that came at once is whole, unless its last line opens one more. */
  private static boolean pasted(String line) {
    String stripped = line.stripTrailing();
    return stripped.indexOf('\n') >= 0 && !stripped.endsWith(":");
  }
}
