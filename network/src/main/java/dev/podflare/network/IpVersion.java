package dev.podflare.network;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Collection;
import java.util.List;

/** The two versions of IP, as the packet filter spells them. */
enum IpVersion {
  V4("", "ip", "ipv4_addr", "icmp"),
  V6("6", "ip6", "ipv6_addr", "icmpv6");

  /** End of the names of sets and chains. */
  final String suffix;

  /** Keyword of the header. */
  final String header;

  /** Type of an address in sets. */
  final String address;

  /**
   * Its protocol of control messages, as a keyword: other spellings are looked up in
   * /etc/protocols.
   */
  final String icmp;

  IpVersion(String suffix, String header, String address, String icmp) {
    this.suffix = suffix;
    this.header = header;
    this.address = address;
    this.icmp = icmp;
  }

  /** Those that guests have. */
  static List<IpVersion> of(boolean ipv6) {
    return ipv6 ? List.of(V4, V6) : List.of(V4);
  }

  boolean has(InetAddress address) {
    return (this == V4) == (address instanceof Inet4Address);
  }

  /** The slot's outer address of this version, as text. */
  String outer(Plan.Place place) {
    return Addresses.text(this == V4 ? place.outer() : place.outer6());
  }

  String gate(Plan plan) {
    return Addresses.text(this == V4 ? plan.gate() : plan.gate6());
  }

  Cidr range(Plan plan) {
    return this == V4 ? plan.range() : plan.range6();
  }

  /** The blocks of this version. */
  List<Cidr> blocks(Collection<Cidr> blocks) {
    return blocks.stream().filter(block -> has(block.network())).toList();
  }
}
