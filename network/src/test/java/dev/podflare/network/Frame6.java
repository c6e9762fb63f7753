package dev.podflare.network;

import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.HexFormat;

/** Ethernet frames with IPv6 in them, as hexadecimal digits, with right checksums. Stateless. */
final class Frame6 {
  private static final int UDP = 17;
  private static final int ICMP = 58;
  private static final String EVERYBODY = "333300000001";

  private Frame6() {}

  /** A datagram with one byte. */
  static String udp(String toMac, String fromMac, String from, String to, int port) {
    ByteBuffer datagram = ByteBuffer.allocate(9);
    datagram.putShort((short) 5000).putShort((short) port).putShort((short) 9).putShort((short) 0);
    datagram.put((byte) 'A');
    return frame(toMac, fromMac, from, to, UDP, datagram.array(), 6);
  }

  /** A router that is the way to everywhere for half an hour, with a prefix for addresses. */
  static String routerAdvertisement(String fromMac, String from, String prefix) {
    ByteBuffer message = ByteBuffer.allocate(16 + 32);
    message.put((byte) 134).put((byte) 0).putShort((short) 0);
    message.put((byte) 64).put((byte) 0).putShort((short) 1800).putInt(0).putInt(0);
    // a prefix of 64 bits, on the link and for addresses
    message.put((byte) 3).put((byte) 4).put((byte) 64).put((byte) 0xc0);
    message.putInt(1800).putInt(1800).putInt(0).put(bytes(prefix));
    return frame(EVERYBODY, fromMac, from, "ff02::1", ICMP, message.array(), 2);
  }

  /** Who has this address? Asked of one neighbour. */
  static String solicitation(String toMac, String fromMac, String from, String wanted) {
    ByteBuffer message = ByteBuffer.allocate(32);
    message.put((byte) 135).put((byte) 0).putShort((short) 0).putInt(0).put(bytes(wanted));
    message.put((byte) 1).put((byte) 1).put(HexFormat.of().parseHex(fromMac));
    return frame(toMac, fromMac, from, wanted, ICMP, message.array(), 2);
  }

  private static String frame(
      String toMac,
      String fromMac,
      String from,
      String to,
      int protocol,
      byte[] payload,
      int checksum) {
    ByteBuffer packet = ByteBuffer.allocate(40 + payload.length);
    packet.putInt(0x60000000).putShort((short) payload.length);
    packet.put((byte) protocol).put((byte) 255).put(bytes(from)).put(bytes(to));
    packet.put(payload);
    packet.putShort(40 + checksum, sum(from, to, protocol, payload));
    return toMac + fromMac + "86dd" + HexFormat.of().formatHex(packet.array());
  }

  private static short sum(String from, String to, int protocol, byte[] payload) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(bytes(from));
    all.writeBytes(bytes(to));
    all.writeBytes(ByteBuffer.allocate(8).putInt(payload.length).putInt(protocol).array());
    all.writeBytes(payload);
    if (all.size() % 2 == 1) {
      all.write(0);
    }
    ByteBuffer words = ByteBuffer.wrap(all.toByteArray());
    int sum = 0;
    while (words.hasRemaining()) {
      sum += Short.toUnsignedInt(words.getShort());
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (short) ~sum;
  }

  private static byte[] bytes(String address) {
    return InetAddress.ofLiteral(address).getAddress();
  }
}
