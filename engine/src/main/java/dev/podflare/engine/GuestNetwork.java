package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.NamespaceThread;
import dev.podflare.network.Cidr;
import dev.podflare.network.FreeRange;
import dev.podflare.network.Gate;
import dev.podflare.network.GateConfig;
import dev.podflare.network.GuestAccess;
import dev.podflare.network.KeptSlots;
import dev.podflare.network.Network;
import dev.podflare.network.Resolver;
import dev.podflare.network.ResolverConfig;
import dev.podflare.network.SecretGate;
import dev.podflare.network.Services;
import dev.podflare.network.Slot;
import dev.podflare.network.SlotPool;
import dev.podflare.network.SlotPoolConfig;
import dev.podflare.qemu.NetworkPort;
import dev.podflare.volume.VolumeClients;
import dev.podflare.volume.VolumeServer;
import dev.podflare.volume.Volumes;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;

/**
 * The network of all guests: slots made ahead, the resolver, the gate, the server of volumes, and a
 * thread that opens sockets in the host's namespace. Thread-safe.
 */
final class GuestNetwork implements AutoCloseable {
  private static final int READY = 8;
  private static final int RANGES_TRIED = 5;
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final Network network;
  private final SlotPool pool;
  private final Resolver resolver;
  private final Gate gate;
  private final VolumeService volumes;
  private final NamespaceThread sockets;
  private final SecretVault secrets;

  private GuestNetwork(
      Network network,
      SlotPool pool,
      Resolver resolver,
      Gate gate,
      VolumeService volumes,
      NamespaceThread sockets,
      SecretVault secrets) {
    this.secrets = secrets;
    this.network = network;
    this.pool = pool;
    this.resolver = resolver;
    this.gate = gate;
    this.volumes = volumes;
    this.sockets = sockets;
  }

  /** The server of volumes, and which guest may use which. */
  private record VolumeService(VolumeServer server, VolumeClients clients) {
    static VolumeService start(Network network, NamespaceThread sockets, Volumes volumes) {
      VolumeClients clients = new VolumeClients();
      return new VolumeService(
          VolumeServer.start(
              volumes.config(),
              network.gateAddress(),
              () -> sockets.call(() -> ServerSocketChannel.open(StandardProtocolFamily.INET)),
              volumes,
              clients),
          clients);
    }
  }

  /** Sets the host up; what fails leaves it as it was. */
  static GuestNetwork open(
      GuestNetworkConfig config, String instance, Kept kept, Volumes volumes, SecretVault secrets) {
    // A thread of its own: sockets are opened for each query and connection.
    NamespaceThread sockets = NamespaceThread.open("network-sockets", config.hostNamespace());
    try {
      return open(config, openNetwork(config, instance, kept), sockets, kept, volumes, secrets);
    } catch (RuntimeException e) {
      sockets.close();
      throw e;
    }
  }

  /** Slots of an earlier daemon whose guests go on; {@code range}: that they are of, or empty. */
  record Kept(String range, KeptSlots slots) {}

  private static Network openNetwork(GuestNetworkConfig config, String instance, Kept kept) {
    if (!kept.range().isEmpty()) {
      return Network.open(config.network(Cidr.parse(kept.range())), instance, kept.slots());
    }
    if (config.range().isPresent()) {
      return Network.open(config.network(config.range().get()), instance);
    }
    for (int attempt = 1; ; attempt++) {
      try {
        return Network.open(config.network(FreeRange.find(config.hostNamespace())), instance);
      } catch (PodflareException e) {
        // Another daemon may have taken the same range a moment ago.
        if (e.code() != ErrorCode.INVALID_CONFIG || attempt == RANGES_TRIED) {
          throw e;
        }
      }
    }
  }

  private static GuestNetwork open(
      GuestNetworkConfig config,
      Network network,
      NamespaceThread sockets,
      Kept kept,
      Volumes volumes,
      SecretVault secrets) {
    try {
      Executor namespace = sockets::run;
      ResolverConfig usual =
          ResolverConfig.defaults(network.gateAddress())
              .withListen(new InetSocketAddress(network.gateAddress(), 0));
      Resolver resolver =
          Resolver.start(
              config.resolvers().isEmpty() ? usual : usual.withUpstreams(config.resolvers()),
              network.access(),
              namespace);
      try {
        Gate gate =
            Gate.start(
                GateConfig.defaults(network.gateAddress()).withIpv6(network.gateAddress6()),
                network.access(),
                namespace,
                SecretGate.of(
                    secrets::authority,
                    config.proxy().certificates(),
                    secrets,
                    resolver::addresses));
        try {
          return open(network, resolver, gate, sockets, volumes, secrets);
        } catch (RuntimeException e) {
          gate.close();
          throw e;
        }
      } catch (RuntimeException e) {
        resolver.close();
        throw e;
      }
    } catch (RuntimeException e) {
      if (kept.range().isEmpty()) {
        network.close();
      } else {
        network.abandon();
      }
      throw e;
    }
  }

  private static GuestNetwork open(
      Network network,
      Resolver resolver,
      Gate gate,
      NamespaceThread sockets,
      Volumes volumes,
      SecretVault secrets) {
    VolumeService service = VolumeService.start(network, sockets, volumes);
    try {
      network.serve(
          new Services(
              resolver.port(),
              gate.port(),
              gate.port6(),
              service.server().port(),
              gate::recheck,
              gate::cut));
      int most = network.capacity();
      SlotPool pool =
          SlotPool.open(network, new SlotPoolConfig(Math.min(READY, most), most, PATIENCE));
      return new GuestNetwork(network, pool, resolver, gate, service, sockets, secrets);
    } catch (RuntimeException e) {
      service.server().close();
      throw e;
    }
  }

  /** Addresses of the slots. */
  Cidr range() {
    return network.range();
  }

  /** A place for a new machine; it must be given to one, which gives it back in the end. */
  NetworkPort port() {
    return new SlotPort(
        pool.take(),
        pool,
        range().toString(),
        volumes.clients(),
        Optional.empty(),
        secrets::trusted);
  }

  /** The place of a machine that goes on, by its slot's number; empty if that is gone. */
  Optional<NetworkPort> kept(int index, GuestAccess access) {
    Optional<Slot> slot = network.kept(index);
    slot.ifPresent(pool::adopt);
    return slot.map(it ->
        new SlotPort(
            it,
            pool,
            range().toString(),
            volumes.clients(),
            Optional.of(access),
            secrets::trusted));
  }

  /** Leaves everything in force for the guests that go on, until the next daemon opens it. */
  void abandon() {
    volumes.server().close();
    network.abandon();
  }

  /**
   * An unconnected socket of the host's namespace. On a thread of its own: callers must not wait
   * for changes of the packet filter.
   */
  SocketChannel socket() {
    return sockets.call(() -> SocketChannel.open(StandardProtocolFamily.INET));
  }

  /** All machines have ended before. */
  @Override
  public void close() {
    Closing closing = new Closing();
    closing.step(pool::close);
    closing.step(volumes.server()::close);
    closing.step(gate::close);
    closing.step(resolver::close);
    closing.step(network::close);
    closing.step(sockets::close);
    closing.finish();
  }
}
