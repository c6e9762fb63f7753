package dev.podflare.network;

import com.github.benmanes.caffeine.cache.Ticker;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * The one resolver of all guests, in the daemon. Who asks is known by the address of the slot that
 * the query comes from; strangers get no answer. A name that the slot's policy does not let through
 * is answered here, and no query for it leaves the host, so nothing can be told to the outside in
 * names.
 *
 * <p>Answers into {@link DeniedRanges} are dropped. Addresses of names under a domain rule are
 * {@linkplain SlotAccess#pin pinned} before the answer goes out, under the name that was asked, for
 * the answer's time to live and a grace. Thread-safe.
 */
public final class Resolver implements AutoCloseable {
  private static final int ATTEMPTS = 16;

  private final UdpQueries udp;
  private final TcpQueries tcp;
  private final ResolverStats stats;
  private final AnswerCache cache;
  private final Answering answering;

  private Resolver(
      UdpQueries udp, TcpQueries tcp, ResolverStats stats, AnswerCache cache, Answering answering) {
    this.answering = answering;
    this.udp = udp;
    this.tcp = tcp;
    this.stats = stats;
    this.cache = cache;
  }

  /**
   * Listens and answers until {@link #close}.
   *
   * @param namespace runs tasks on a thread in the host's network namespace, to open sockets there;
   *     {@code Runnable::run} for the daemon's own
   * @throws PodflareException {@code host_not_ready} if the address or port cannot be had
   */
  public static Resolver start(ResolverConfig config, SlotAccess slots, Executor namespace) {
    return start(config, slots, namespace, Ticker.systemTicker(), InstantSource.system());
  }

  static Resolver start(
      ResolverConfig config,
      SlotAccess slots,
      Executor namespace,
      Ticker ticker,
      InstantSource clock) {
    HostSockets sockets = new HostSockets(namespace);
    AnswerCache cache = new AnswerCache(config.cache(), ticker);
    Upstreams upstreams =
        new Upstreams(
            sockets,
            servers(config),
            new AnswerReader(config.longestTtl()),
            config.attempt(),
            config.deadline());
    ResolverStats stats = new ResolverStats();
    Answering answering = new Answering(slots, cache, upstreams, config.pinGrace(), clock);
    QueryWork work =
        new QueryWork(answering, new SlotIntake(config.limits(), ticker), slots, stats);
    try {
      for (int attempt = 1; ; attempt++) {
        UdpQueries udp = UdpQueries.listen(sockets, config.listen(), work);
        try {
          InetSocketAddress same = new InetSocketAddress(config.listen().getAddress(), udp.port());
          TcpQueries tcp = TcpQueries.listen(sockets, same, work, config.limits().connectionIdle());
          return new Resolver(udp, tcp, stats, cache, answering);
        } catch (IOException | RuntimeException e) {
          udp.close();
          // A port that is free for UDP need not be so for TCP.
          if (config.listen().getPort() != 0 || attempt == ATTEMPTS) {
            throw e;
          }
        }
      }
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY,
          "the resolver cannot listen on " + config.listen() + ": " + e.getMessage(),
          e);
    }
  }

  private static Supplier<List<InetSocketAddress>> servers(ResolverConfig config) {
    return config.upstreams().isEmpty()
        ? new HostResolvers(config.resolvConf())::servers
        : config::upstreams;
  }

  /** Port that it listens on, UDP and TCP. */
  public int port() {
    return udp.port();
  }

  /** Addresses of a name, as the slot would be told them now; blocks until there is an answer. */
  public List<InetAddress> addresses(Inet4Address slot, String name) {
    return answering.addresses(slot, name);
  }

  /** Counts since the start. */
  public ResolverStats stats() {
    return stats;
  }

  long cachedBytes() {
    return cache.bytes();
  }

  /** Stops listening; queries that wait for an upstream get no answer any more. Idempotent. */
  @Override
  public void close() {
    udp.close();
    tcp.close();
  }
}
