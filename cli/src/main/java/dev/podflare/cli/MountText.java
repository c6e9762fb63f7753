package dev.podflare.cli;

import dev.podflare.client.SandboxOptions;

/** Reads {@code VOLUME:PATH[:ro]}. Stateless. */
final class MountText {
  private MountText() {}

  static SandboxOptions.Mount parse(String text) {
    String[] parts = text.split(":", -1);
    boolean readOnly = parts.length == 3 && parts[2].equals("ro");
    if (parts.length < 2
        || (parts.length == 3 && !readOnly && !parts[2].equals("rw"))
        || parts.length > 3
        || parts[0].isEmpty()
        || !parts[1].startsWith("/")) {
      throw CodeSource.refused("--mount is VOLUME:PATH or VOLUME:PATH:ro, not '" + text + "'");
    }
    // What is only read must be there; an id is no name for a new one.
    boolean create = !readOnly && !parts[0].startsWith("vol_");
    return new SandboxOptions.Mount(parts[0], parts[1], readOnly, create);
  }
}
