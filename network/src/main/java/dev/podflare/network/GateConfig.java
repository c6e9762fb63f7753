package dev.podflare.network;

import dev.podflare.common.DataSize;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;

/**
 * How the gate works.
 *
 * @param listen where the packet filter redirects connections to; port 0 takes a free one
 * @param listen6 the same with IPv6; empty: guests have none
 * @param hello a client must have said its name within this time
 * @param connect the destination must have answered within this time
 * @param idle a relay on which nothing moves for so long is cut
 * @param buffer memory of each direction of a relay
 * @param connectionsPerSlot connections of one slot at once
 * @param connections connections of all slots at once
 */
public record GateConfig(
    InetSocketAddress listen,
    Optional<InetSocketAddress> listen6,
    Duration hello,
    Duration connect,
    Duration idle,
    DataSize buffer,
    int connectionsPerSlot,
    int connections) {
  /** Most bytes of a TLS client hello, or of a request's head; a buffer must hold as much. */
  public static final int LARGEST_HEAD = 16 << 10;

  public GateConfig {
    if (buffer.bytes() <= LARGEST_HEAD) {
      buffer = new DataSize(LARGEST_HEAD + 1L);
    }
  }

  public static GateConfig defaults(InetAddress address) {
    return new GateConfig(
        new InetSocketAddress(address, 0),
        Optional.empty(),
        Duration.ofSeconds(5),
        Duration.ofSeconds(10),
        Duration.ofMinutes(10),
        new DataSize(32 << 10),
        256,
        2048);
  }

  /** The same that also listens with IPv6, on any port, if there is such an address. */
  public GateConfig withIpv6(Optional<? extends InetAddress> address) {
    return new GateConfig(
        listen,
        address.map(it -> new InetSocketAddress(it, 0)),
        hello,
        connect,
        idle,
        buffer,
        connectionsPerSlot,
        connections);
  }
}
