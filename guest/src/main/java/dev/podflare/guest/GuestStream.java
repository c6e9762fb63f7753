package dev.podflare.guest;

/** Where output was written. */
public enum GuestStream {
  STDOUT,
  STDERR
}
