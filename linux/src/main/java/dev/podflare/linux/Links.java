package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Links, addresses, routes and neighbours of one network namespace, through rtnetlink: the {@code
 * ip} command would be a process for each. Belongs to the namespace of the thread that opened it.
 * Thread-safe.
 */
public final class Links implements AutoCloseable {
  private static final int NEWLINK = 16;
  private static final int DELLINK = 17;
  private static final int GETLINK = 18;
  private static final int NEWADDR = 20;
  private static final int GETADDR = 22;
  private static final int NEWNEIGH = 28;
  private static final int IFF_UP = 1;
  private static final int IFA_F_NODAD = 2;
  private static final int IFLA_ADDRESS = 1;
  private static final int IFLA_IFNAME = 3;
  private static final int IFLA_MTU = 4;
  private static final int IFLA_LINKINFO = 18;
  private static final int IFLA_NET_NS_FD = 28;
  private static final int ENODEV = 19;

  private final NetlinkSocket socket;

  private Links(NetlinkSocket socket) {
    this.socket = socket;
  }

  /** Of the calling thread's network namespace. */
  public static Links open() {
    return new Links(NetlinkSocket.open(NetlinkSocket.ROUTE));
  }

  /** A link that is there. */
  public record Link(String name, int index, int mtu) {}

  /** One end of a pair that is to be made. */
  public record VethEnd(String name, String mac) {}

  /**
   * A route of the main table.
   *
   * @param destination first address; 0.0.0.0 or :: with prefix 0 is the default route
   * @param link index of the link; empty for routes to nowhere and over several links
   * @param direct whether who is there is a neighbour, and no gateway is in between
   * @param metric as it was given; of routes to nowhere it says whose they are
   */
  public record Route(
      InetAddress destination,
      int prefix,
      OptionalInt link,
      boolean nowhere,
      boolean direct,
      int metric) {}

  /** All links. */
  public List<Link> all() {
    NetlinkMessage message = NetlinkMessage.of(GETLINK, NetlinkMessage.DUMP);
    linkHeader(message, 0, 0);
    return socket.request("list links", message).stream().map(Links::link).toList();
  }

  private static Link link(ByteBuffer part) {
    Map<Integer, ByteBuffer> attributes = NetlinkMessage.attributes(part, 32);
    ByteBuffer mtu = attributes.get(IFLA_MTU);
    return new Link(
        NetlinkMessage.text(attributes, IFLA_IFNAME).orElse(""),
        part.getInt(20),
        mtu == null ? 0 : mtu.getInt(0));
  }

  /** The link of this name, if there is one. */
  public Optional<Link> find(String name) {
    NetlinkMessage message = NetlinkMessage.of(GETLINK, NetlinkMessage.ACK);
    linkHeader(message, 0, 0);
    message.attributeText(IFLA_IFNAME, name);
    try {
      return socket.request("find link " + name, message).stream().map(Links::link).findFirst();
    } catch (PodflareException e) {
      if (Libc.failedWith(e, ENODEV)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Index of a link that must be there. */
  public int index(String name) {
    return find(name)
        .orElseThrow(() -> new PodflareException(ErrorCode.INTERNAL, "no link named " + name))
        .index();
  }

  /** A bridge without ports: a link that exists only to carry an address of this host. */
  public void addBridge(String name) {
    NetlinkMessage message =
        NetlinkMessage.of(NEWLINK, NetlinkMessage.ACK | NetlinkMessage.CREATE_EXCLUSIVE);
    linkHeader(message, 0, IFF_UP);
    message.attributeText(IFLA_IFNAME, name);
    int info = message.open(IFLA_LINKINFO);
    message.attributeText(1, "bridge");
    message.close(info);
    socket.request("add link " + name, message);
  }

  /** A pair of links, one here and one in the namespace at {@code peerNamespace}, both down. */
  public void addVeth(VethEnd here, VethEnd there, Path peerNamespace, int mtu) {
    int fd = Libc.open(peerNamespace.toString(), 02000000);
    try {
      NetlinkMessage message =
          NetlinkMessage.of(NEWLINK, NetlinkMessage.ACK | NetlinkMessage.CREATE_EXCLUSIVE);
      linkHeader(message, 0, 0);
      vethEnd(message, here, mtu);
      int info = message.open(IFLA_LINKINFO);
      message.attributeText(1, "veth");
      int data = message.open(2);
      int peer = message.open(1);
      linkHeader(message, 0, 0);
      vethEnd(message, there, mtu);
      message.attribute32(IFLA_NET_NS_FD, fd);
      message.close(peer).close(data).close(info);
      socket.request("add pair " + here.name(), message);
    } finally {
      Libc.close(fd);
    }
  }

  private static void vethEnd(NetlinkMessage message, VethEnd end, int mtu) {
    message.attributeText(IFLA_IFNAME, end.name());
    message.attribute(IFLA_ADDRESS, mac(end.mac()));
    message.attribute32(IFLA_MTU, mtu);
  }

  /** Brings a link up as it is. */
  public void bringUp(int index) {
    bringUp(index, Optional.empty(), OptionalInt.empty());
  }

  /** Gives a link its hardware address and MTU and brings it up. */
  public void bringUp(int index, Optional<String> mac, OptionalInt mtu) {
    // Two messages: some drivers refuse a new address on a link that is coming up.
    if (mac.isPresent() || mtu.isPresent()) {
      NetlinkMessage message = NetlinkMessage.of(NEWLINK, NetlinkMessage.ACK);
      linkHeader(message, index, 0);
      mac.ifPresent(text -> message.attribute(IFLA_ADDRESS, mac(text)));
      mtu.ifPresent(value -> message.attribute32(IFLA_MTU, value));
      socket.request("configure link " + index, message);
    }
    NetlinkMessage up = NetlinkMessage.of(NEWLINK, NetlinkMessage.ACK);
    linkHeader(up, index, IFF_UP);
    socket.request("bring up link " + index, up);
  }

  /** Removes a link, and its peer; nothing happens if there is none. */
  public void delete(String name) {
    NetlinkMessage message = NetlinkMessage.of(DELLINK, NetlinkMessage.ACK);
    linkHeader(message, 0, 0);
    message.attributeText(IFLA_IFNAME, name);
    try {
      socket.request("delete link " + name, message);
    } catch (PodflareException e) {
      if (!Libc.failedWith(e, ENODEV)) {
        throw e;
      }
    }
  }

  /** Adds an address to a link. One of IPv6 is not looked for among neighbours, and so at once. */
  public void addAddress(int index, InetAddress address, int prefix) {
    NetlinkMessage message =
        NetlinkMessage.of(NEWADDR, NetlinkMessage.ACK | NetlinkMessage.CREATE_REPLACE);
    int flags = address instanceof Inet4Address ? 0 : IFA_F_NODAD;
    message.u8(RouteMessages.family(address)).u8(prefix).u8(flags).u8(0).u32(index);
    message.attribute(2, address.getAddress()).attribute(1, address.getAddress());
    socket.request("add address " + address.getHostAddress(), message);
  }

  /** Every address of this namespace, of both versions. */
  public Set<InetAddress> addresses() {
    NetlinkMessage message = NetlinkMessage.of(GETADDR, NetlinkMessage.DUMP);
    message.u8(0).u8(0).u8(0).u8(0).u32(0);
    Set<InetAddress> found = new LinkedHashSet<>();
    for (ByteBuffer part : socket.request("list addresses", message)) {
      Map<Integer, ByteBuffer> attributes = NetlinkMessage.attributes(part, 24);
      // IFA_LOCAL is the own end, IFA_ADDRESS the far one of a point-to-point link.
      ByteBuffer value = attributes.getOrDefault(2, attributes.get(1));
      if (value != null) {
        found.add(address(NetlinkMessage.bytes(value)));
      }
    }
    return found;
  }

  /** A route to a link, by way of a gateway or directly, with the source address to use. */
  public void addRoute(
      InetAddress destination,
      int prefix,
      int link,
      Optional<? extends InetAddress> gateway,
      Optional<? extends InetAddress> source) {
    NetlinkMessage message =
        RouteMessages.add(
            RouteMessages.family(destination),
            prefix,
            gateway.isPresent() ? 0 : RouteMessages.SCOPE_LINK,
            RouteMessages.UNICAST);
    message
        .attribute(RouteMessages.RTA_DST, destination.getAddress())
        .attribute32(RouteMessages.RTA_OIF, link);
    gateway.ifPresent(
        address -> message.attribute(RouteMessages.RTA_GATEWAY, address.getAddress()));
    source.ifPresent(address -> message.attribute(RouteMessages.RTA_PREFSRC, address.getAddress()));
    socket.request("add route " + destination.getHostAddress() + "/" + prefix, message);
  }

  /** A route to nowhere: what has no better one is answered as unreachable. */
  public void addUnreachable(InetAddress destination, int prefix, int metric) {
    NetlinkMessage message =
        RouteMessages.add(RouteMessages.family(destination), prefix, 0, RouteMessages.UNREACHABLE);
    message
        .attribute(RouteMessages.RTA_DST, destination.getAddress())
        .attribute32(RouteMessages.RTA_METRIC, metric);
    socket.request("add route " + destination.getHostAddress() + "/" + prefix, message);
  }

  /** Removes all that {@link #addUnreachable} made with this metric. */
  public void deleteUnreachable(int metric) {
    Stream.concat(routes().stream(), routes6().stream())
        .forEach(route -> {
          if (route.nowhere() && route.metric() == metric) {
            NetlinkMessage message =
                RouteMessages.delete(
                    RouteMessages.family(route.destination()),
                    route.prefix(),
                    RouteMessages.UNREACHABLE);
            message.attribute(RouteMessages.RTA_DST, route.destination().getAddress());
            message.attribute32(RouteMessages.RTA_METRIC, metric);
            socket.request("delete route " + route.destination().getHostAddress(), message);
          }
        });
  }

  /** The IPv4 routes of the main table. */
  public List<Route> routes() {
    return routes(RouteMessages.AF_INET);
  }

  /** The IPv6 routes of the main table; none where the kernel has no IPv6. */
  public List<Route> routes6() {
    return routes(RouteMessages.AF_INET6);
  }

  private List<Route> routes(int family) {
    return socket.request("list routes", RouteMessages.list(family)).stream()
        .filter(part -> RouteMessages.isOfMainTable(part, family))
        .map(RouteMessages::read)
        .toList();
  }

  /** Says for good which hardware address a neighbour has, so that nobody is asked. */
  public void addNeighbour(int index, InetAddress address, String mac) {
    NetlinkMessage message =
        NetlinkMessage.of(NEWNEIGH, NetlinkMessage.ACK | NetlinkMessage.CREATE_REPLACE);
    message.u8(RouteMessages.family(address)).u8(0).u16(0).u32(index);
    message.u16(0x80).u8(0).u8(1); // permanent, unicast
    message.attribute(1, address.getAddress()).attribute(2, mac(mac));
    socket.request("add neighbour " + address.getHostAddress(), message);
  }

  private static void linkHeader(NetlinkMessage message, int index, int flags) {
    message.u8(0).u8(0).u16(0).u32(index).u32(flags).u32(flags);
  }

  private static byte[] mac(String text) {
    return HexFormat.ofDelimiter(":").parseHex(text);
  }

  static InetAddress address(byte[] bytes) {
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new PodflareException(
          ErrorCode.INTERNAL, "an address of " + bytes.length + " bytes", e);
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
