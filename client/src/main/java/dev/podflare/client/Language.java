package dev.podflare.client;

import java.util.Locale;

/** Languages that a sandbox runs. Python keeps its state between calls, bash does not. */
public enum Language {
  PYTHON,
  BASH;

  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
