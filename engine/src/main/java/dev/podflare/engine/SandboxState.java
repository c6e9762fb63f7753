package dev.podflare.engine;

import java.util.Locale;

/**
 * States of a sandbox: {@code creating → ready ⇄ paused}, {@code ready → frozen → ready}, any
 * {@code → closed}.
 */
public enum SandboxState {
  CREATING,
  READY,
  PAUSED,
  FROZEN,
  CLOSED;

  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
