package dev.podflare.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Builds one netlink message: header, a fixed structure, attributes; and reads the attributes of
 * another. Numbers are in the host's order unless said otherwise. One thread.
 */
final class NetlinkMessage {
  static final int HEADER = 16;
  static final short REQUEST = 1;
  static final short ACK = 4;
  static final short DUMP = 0x300;
  static final short CREATE_EXCLUSIVE = 0x600;
  static final short CREATE_REPLACE = 0x500;

  private static final int NESTED = 0x8000;
  private static final int TYPE_MASK = 0x3fff;

  private final ByteBuffer bytes;

  private NetlinkMessage(int type, int flags) {
    bytes = ByteBuffer.allocate(4096).order(ByteOrder.nativeOrder());
    bytes.putInt(0).putShort((short) type).putShort((short) flags).putInt(0).putInt(0);
  }

  static NetlinkMessage of(int type, int flags) {
    return new NetlinkMessage(type, REQUEST | flags);
  }

  NetlinkMessage u8(int value) {
    bytes.put((byte) value);
    return this;
  }

  NetlinkMessage u16(int value) {
    bytes.putShort((short) value);
    return this;
  }

  /** In network order, as netfilter has it. */
  NetlinkMessage be16(int value) {
    bytes.put((byte) (value >> 8)).put((byte) value);
    return this;
  }

  NetlinkMessage u32(int value) {
    bytes.putInt(value);
    return this;
  }

  NetlinkMessage attribute(int type, byte... value) {
    bytes.putShort((short) (4 + value.length)).putShort((short) type).put(value);
    return pad();
  }

  NetlinkMessage attribute32(int type, int value) {
    bytes.putShort((short) 8).putShort((short) type).putInt(value);
    return this;
  }

  NetlinkMessage attributeText(int type, String value) {
    return attribute(type, (value + "\0").getBytes(StandardCharsets.US_ASCII));
  }

  /** Opens a nested attribute; what it answers is for {@link #close}. */
  int open(int type) {
    int start = bytes.position();
    bytes.putShort((short) 0).putShort((short) (type | NESTED));
    return start;
  }

  NetlinkMessage close(int start) {
    bytes.putShort(start, (short) (bytes.position() - start));
    return pad();
  }

  private NetlinkMessage pad() {
    while (bytes.position() % 4 != 0) {
      bytes.put((byte) 0);
    }
    return this;
  }

  boolean isDump() {
    return (bytes.getShort(6) & DUMP) == DUMP;
  }

  /** The finished message under this sequence number. */
  byte[] finish(int sequence) {
    bytes.putInt(0, bytes.position()).putInt(8, sequence);
    byte[] result = new byte[bytes.position()];
    bytes.get(0, result);
    return result;
  }

  /** The attributes from {@code offset} on, by type; of doubles the last. */
  static Map<Integer, ByteBuffer> attributes(ByteBuffer message, int offset) {
    Map<Integer, ByteBuffer> found = new HashMap<>();
    int at = offset;
    while (at + 4 <= message.limit()) {
      int size = Short.toUnsignedInt(message.getShort(at));
      if (size < 4 || at + size > message.limit()) {
        break;
      }
      ByteBuffer value = message.slice(at + 4, size - 4).order(ByteOrder.nativeOrder());
      found.put(message.getShort(at + 2) & TYPE_MASK, value);
      at += (size + 3) & ~3;
    }
    return found;
  }

  static byte[] bytes(ByteBuffer value) {
    byte[] copy = new byte[value.remaining()];
    value.get(value.position(), copy);
    return copy;
  }

  static Optional<String> text(Map<Integer, ByteBuffer> attributes, int type) {
    return Optional.ofNullable(attributes.get(type))
        .map(value -> new String(bytes(value), StandardCharsets.US_ASCII).replace("\0", ""));
  }
}
