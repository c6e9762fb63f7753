package dev.podflare.engine;

import java.util.OptionalLong;

/**
 * A part of a file: from {@code first} on, to {@code last} if it is given. Without {@code first}:
 * the last {@code last} bytes.
 */
public record FileRange(OptionalLong first, OptionalLong last) {
  public static final FileRange WHOLE = new FileRange(OptionalLong.empty(), OptionalLong.empty());
}
