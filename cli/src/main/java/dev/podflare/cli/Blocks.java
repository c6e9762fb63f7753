package dev.podflare.cli;

import java.util.Optional;

/**
 * Gathers lines of Python into blocks, as a line-wise prompt needs it: a line that ends with a
 * colon or a backslash, or begins with {@code @}, opens a block, and an empty line closes it. One
 * thread.
 */
final class Blocks {
  private final StringBuilder pending = new StringBuilder();

  /** Takes a line; returns the code to run once it is whole. */
  Optional<String> add(String line) {
    boolean open = isOpen();
    if (open && line.isBlank()) {
      return take();
    }
    pending.append(line).append('\n');
    return open || opens(line) ? Optional.empty() : take();
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

  private static boolean opens(String line) {
    String stripped = line.stripTrailing();
    return stripped.endsWith(":") || stripped.endsWith("\\") || stripped.startsWith("@");
  }
}
