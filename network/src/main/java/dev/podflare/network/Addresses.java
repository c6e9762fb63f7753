package dev.podflare.network;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Objects;

/** Helps with addresses as values. */
final class Addresses {
  private static final int GROUPS = 8;

  private Addresses() {}

  /** From 4 or 16 bytes; never asks a resolver. */
  static InetAddress of(byte[] bytes) {
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(bytes.length + " bytes are no address", e);
    }
  }

  /** The number alone, without name, slash and scope; of IPv6 the short form of RFC 5952. */
  static String text(InetAddress address) {
    return address instanceof Inet4Address
        ? Objects.requireNonNull(address.getHostAddress())
        : groups(ByteBuffer.wrap(address.getAddress()));
  }

  private static String groups(ByteBuffer bytes) {
    int from = 0;
    int length = 0;
    for (int start = 0; start < GROUPS; start++) {
      int end = start;
      while (end < GROUPS && bytes.getShort(2 * end) == 0) {
        end++;
      }
      if (end - start > Math.max(length, 1)) {
        from = start;
        length = end - start;
      }
    }
    StringBuilder text = new StringBuilder();
    for (int group = 0; group < GROUPS; group++) {
      if (length > 0 && group == from) {
        text.append("::");
        group += length - 1;
        continue;
      }
      if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
        text.append(':');
      }
      text.append(Integer.toHexString(Short.toUnsignedInt(bytes.getShort(2 * group))));
    }
    return text.toString();
  }
}
