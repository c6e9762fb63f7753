package dev.podflare.cli;

/** Form of the daemon's log. */
enum LogFormat {
  TEXT,
  JSON
}
