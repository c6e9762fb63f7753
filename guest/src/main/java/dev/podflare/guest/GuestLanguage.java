package dev.podflare.guest;

import java.util.Locale;

/** What the guest runs. Python calls share one interpreter; each bash call is a process. */
public enum GuestLanguage {
  PYTHON,
  BASH;

  String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
