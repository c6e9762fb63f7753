package dev.podflare.network;

/** Opens the values of secrets, one at a time, when a request is about to need it. Thread-safe. */
@FunctionalInterface
public interface SecretValues {
  /**
   * The value, as bytes of visible ASCII; the caller's to wipe.
   *
   * @throws dev.podflare.common.PodflareException if it cannot be opened here
   */
  byte[] open(SecretRule secret);
}
