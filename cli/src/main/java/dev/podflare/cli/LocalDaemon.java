package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.engine.LocalEngine;
import java.util.Optional;

/**
 * The daemon of this process.
 *
 * @param newAdminKey text of the admin key if this start made it; shown once
 * @param engine for what cannot be seen from outside: the benchmark's floors
 */
record LocalDaemon(
    ClientConfig address, Optional<String> newAdminKey, LocalEngine engine, Undo undo)
    implements Daemon {
  @Override
  public void close() {
    undo.close();
  }
}
