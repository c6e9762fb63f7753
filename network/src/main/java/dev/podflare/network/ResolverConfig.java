package dev.podflare.network;

import dev.podflare.common.DataSize;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * How the resolver works.
 *
 * @param listen where guests' queries arrive, UDP and TCP; port 0 takes a free one
 * @param upstreams resolvers to ask; empty: those of {@code resolvConf}
 * @param resolvConf read again when it changes
 * @param attempt how long one upstream may take before the next is asked
 * @param deadline after this a query is answered SERVFAIL
 * @param cache most memory that answers are kept in
 * @param longestTtl longer times to live are cut to this
 * @param pinGrace how much longer than its time to live an address stays reachable, for programs
 *     that connect a little after they asked
 * @param limits what is taken in
 */
public record ResolverConfig(
    InetSocketAddress listen,
    List<InetSocketAddress> upstreams,
    Path resolvConf,
    Duration attempt,
    Duration deadline,
    DataSize cache,
    Duration longestTtl,
    Duration pinGrace,
    QueryLimits limits) {
  public ResolverConfig {
    upstreams = List.copyOf(upstreams);
  }

  /** The same at another place. */
  public ResolverConfig withListen(InetSocketAddress other) {
    return new ResolverConfig(
        other, upstreams, resolvConf, attempt, deadline, cache, longestTtl, pinGrace, limits);
  }

  /** The same with other resolvers to ask. */
  public ResolverConfig withUpstreams(List<InetSocketAddress> others) {
    return new ResolverConfig(
        listen, others, resolvConf, attempt, deadline, cache, longestTtl, pinGrace, limits);
  }

  /** On port 53 of this address, with the host's resolvers. */
  public static ResolverConfig defaults(InetAddress address) {
    return new ResolverConfig(
        new InetSocketAddress(address, 53),
        List.of(),
        Path.of("/etc/resolv.conf"),
        Duration.ofSeconds(2),
        Duration.ofSeconds(5),
        DataSize.ofMebibytes(16),
        Duration.ofDays(1),
        Duration.ofSeconds(30),
        QueryLimits.defaults());
  }
}
