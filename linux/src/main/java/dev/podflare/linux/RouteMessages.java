package dev.podflare.linux;

import dev.podflare.linux.Links.Route;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** How rtnetlink spells routes of the main table. Stateless. */
final class RouteMessages {
  static final int AF_INET = 2;
  static final int AF_INET6 = 10;
  static final int RTA_DST = 1;
  static final int RTA_OIF = 4;
  static final int RTA_GATEWAY = 5;
  static final int RTA_METRIC = 6;
  private static final int RTA_MULTIPATH = 9;
  private static final int RTA_VIA = 18;
  static final int RTA_PREFSRC = 7;
  private static final int RTA_TABLE = 15;
  private static final int TABLE_MAIN = 254;
  static final int UNICAST = 1;
  static final int UNREACHABLE = 7;
  static final int SCOPE_LINK = 253;
  private static final int NEWROUTE = 24;
  private static final int DELROUTE = 25;
  private static final int GETROUTE = 26;

  /** What says that others are in between. */
  private static final List<Integer> GATEWAYS = List.of(RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA);

  private RouteMessages() {}

  static int family(InetAddress address) {
    return address instanceof Inet4Address ? AF_INET : AF_INET6;
  }

  static NetlinkMessage add(int family, int prefix, int scope, int type) {
    NetlinkMessage message =
        NetlinkMessage.of(NEWROUTE, NetlinkMessage.ACK | NetlinkMessage.CREATE_REPLACE);
    header(message, family, prefix, scope, type);
    return message;
  }

  private static void header(NetlinkMessage message, int family, int prefix, int scope, int type) {
    // rtmsg: family, lengths, tos, table, protocol "boot", scope, type, flags
    message.u8(family).u8(prefix).u8(0).u8(0).u8(TABLE_MAIN).u8(3).u8(scope).u8(type).u32(0);
  }

  static NetlinkMessage delete(int family, int prefix, int type) {
    NetlinkMessage message = NetlinkMessage.of(DELROUTE, NetlinkMessage.ACK);
    header(message, family, prefix, 0, type);
    return message;
  }

  static NetlinkMessage list(int family) {
    NetlinkMessage message = NetlinkMessage.of(GETROUTE, NetlinkMessage.DUMP);
    return message.u8(family).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
  }

  /** A kernel without IPv6 answers a question for its routes with those of IPv4. */
  static boolean isOfMainTable(ByteBuffer part, int family) {
    return part.get(16) == family && table(part) == TABLE_MAIN;
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
    boolean nowhere = part.get(23) != UNICAST;
    byte[] bytes =
        destination == null
            ? new byte[part.get(16) == AF_INET ? 4 : 16]
            : NetlinkMessage.bytes(destination);
    return new Route(
        Links.address(bytes),
        Byte.toUnsignedInt(part.get(17)),
        link == null || nowhere ? OptionalInt.empty() : OptionalInt.of(link.getInt(0)),
        nowhere,
        !nowhere && GATEWAYS.stream().noneMatch(attributes::containsKey),
        metric == null ? 0 : metric.getInt(0));
  }
}
