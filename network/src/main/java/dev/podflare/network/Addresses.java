package dev.podflare.network;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Objects;

/** Helps with addresses as values. */
final class Addresses {
  private Addresses() {}

  /** From 4 or 16 bytes; never asks a resolver. */
  static InetAddress of(byte[] bytes) {
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(bytes.length + " bytes are no address", e);
    }
  }

  /** The number alone, without name and slash. */
  static String text(InetAddress address) {
    return Objects.requireNonNull(address.getHostAddress());
  }
}
