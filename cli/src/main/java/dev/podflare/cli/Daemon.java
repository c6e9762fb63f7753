package dev.podflare.cli;

import dev.podflare.client.ClientConfig;

/** A daemon that runs in this process: engine, store and HTTP server. Thread-safe. */
interface Daemon extends AutoCloseable {

  /** Where it listens, with a key that may do everything. */
  ClientConfig address();

  /** Ends every sandbox and frees what the daemon held. Repeating it is no error. */
  @Override
  void close();
}
