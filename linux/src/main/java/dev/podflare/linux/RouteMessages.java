package dev.podflare.linux;

import dev.podflare.linux.Links.Route;
import java.net.Inet4Address;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.OptionalInt;

/** How rtnetlink spells IPv4 routes of the main table. Stateless. */
final class RouteMessages {
  private static final int AF_INET = 2;
  static final int RTA_DST = 1;
  static final int RTA_OIF = 4;
  static final int RTA_GATEWAY = 5;
  static final int RTA_METRIC = 6;
  static final int RTA_PREFSRC = 7;
  private static final int RTA_TABLE = 15;
  private static final int TABLE_MAIN = 254;
  static final int UNICAST = 1;
  static final int UNREACHABLE = 7;
  static final int SCOPE_LINK = 253;
  private static final int NEWROUTE = 24;
  private static final int DELROUTE = 25;
  private static final int GETROUTE = 26;

  private RouteMessages() {}

  static NetlinkMessage add(int prefix, int scope, int type) {
    NetlinkMessage message =
        NetlinkMessage.of(NEWROUTE, NetlinkMessage.ACK | NetlinkMessage.CREATE_REPLACE);
    header(message, prefix, scope, type);
    return message;
  }

  private static void header(NetlinkMessage message, int prefix, int scope, int type) {
    // rtmsg: family, lengths, tos, table, protocol "boot", scope, type, flags
    message.u8(AF_INET).u8(prefix).u8(0).u8(0).u8(TABLE_MAIN).u8(3).u8(scope).u8(type).u32(0);
  }

  static NetlinkMessage delete(int prefix, int type) {
    NetlinkMessage message = NetlinkMessage.of(DELROUTE, NetlinkMessage.ACK);
    header(message, prefix, 0, type);
    return message;
  }

  static NetlinkMessage list() {
    NetlinkMessage message = NetlinkMessage.of(GETROUTE, NetlinkMessage.DUMP);
    return message.u8(AF_INET).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
  }

  static boolean isOfMainTable(ByteBuffer part) {
    return part.get(16) == AF_INET && table(part) == TABLE_MAIN;
  }

  private static int table(ByteBuffer part) {
    ByteBuffer table = NetlinkMessage.attributes(part, 28).get(RTA_TABLE);
    return table == null ? Byte.toUnsignedInt(part.get(20)) : table.getInt(0);
  }

  static Route read(ByteBuffer part) {
    Map<Integer, ByteBuffer> attributes = NetlinkMessage.attributes(part, 28);
    ByteBuffer destination = attributes.get(RTA_DST);
    ByteBuffer link = attributes.get(RTA_OIF);
    ByteBuffer metric = attributes.get(RTA_METRIC);
    byte[] bytes = destination == null ? new byte[4] : NetlinkMessage.bytes(destination);
    return new Route(
        (Inet4Address) Links.address(bytes),
        part.get(17),
        link == null ? OptionalInt.empty() : OptionalInt.of(link.getInt(0)),
        metric == null ? 0 : metric.getInt(0));
  }
}
