package dev.podflare.network;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection of a guest: first bytes, ruling, relay. {@link #run} is one thread; {@link #cut}
 * and {@link #recheck} may come from any other.
 */
final class GateConnection {
  private static final Logger LOG = LoggerFactory.getLogger(GateConnection.class);
  private static final int MOST_NAMES = 32;
  private static final int SLOW = 4;

  private final Inet4Address slot;
  private final InetSocketAddress destination;
  private final SocketChannel client;
  private final GateRules rules;
  private final GateConfig config;
  private final HostSockets sockets;
  private final Relay.Clock clock;
  private final Optional<SecretGate> secrets;
  private final AtomicBoolean cut = new AtomicBoolean();

  /** Names that were let through, and whether the destination was pinned to them then. */
  private final Map<Optional<String>, Boolean> names = new ConcurrentHashMap<>();

  private volatile @Nullable SocketChannel server;
  private volatile @Nullable SecretConnection secret;

  /** The host of TLS that is passed on as it is; it must be none with secrets. */
  private volatile Optional<String> sealed = Optional.empty();

  /** Whose connection it is, and where it was meant to go. */
  record Ends(Inet4Address slot, InetSocketAddress destination, SocketChannel client) {}

  GateConnection(
      Ends ends,
      GateRules rules,
      GateConfig config,
      HostSockets sockets,
      Relay.Clock clock,
      Optional<SecretGate> secrets) {
    this.slot = ends.slot();
    this.destination = ends.destination();
    this.client = ends.client();
    this.secrets = secrets;
    this.rules = rules;
    this.config = config;
    this.sockets = sockets;
    this.clock = clock;
  }

  /** Serves the connection to its end. */
  void run() {
    try (Arena arena = Arena.ofConfined();
        IdleWatch watch = clock.watch(hello().plus(config.connect()), this::cut)) {
      Runnable moved = () -> watch.extend(config.idle());
      Inflow in = new Inflow(client, arena.allocate(config.buffer().bytes()).asByteBuffer());
      Opening opening = FirstBytes.within(hello(), in);
      watch.extend(config.connect().multipliedBy(2));
      serve(opening, in, moved);
    } catch (HttpRequests.Unreadable e) {
      refuse(Optional.empty(), GateRules.CANNOT_BE_CHECKED);
    } catch (IOException e) {
      LOG.debug("connection of {} to {} ended: {}", slot, destination, e.toString());
      cut();
    } finally {
      close();
    }
  }

  /** Where a secret may be for it, a client that is slow to say a name is waited for. */
  private Duration hello() {
    return rules.slots().named(slot, destination.getPort())
        ? config.hello().multipliedBy(SLOW)
        : config.hello();
  }

  private void serve(Opening opening, Inflow in, Runnable moved) throws IOException {
    switch (opening) {
      case Opening.Gone gone -> {}
      case Opening.Unreadable unreadable -> refuse(Optional.empty(), GateRules.CANNOT_BE_CHECKED);
      case Opening.Tls tls -> tls(tls.name(), in, moved);
      case Opening.Other other ->
          relayIf(permits(Optional.empty()), relay -> relay.pass(in), moved);
      case Opening.Http http -> http(in, moved);
      case Opening.Silent silent -> silent(in, moved);
    }
  }

  private void tls(Optional<String> name, Inflow in, Runnable moved) throws IOException {
    boolean permitted = permits(name);
    sealed = name; // before it is asked for, so that a secret that comes meanwhile finds it
    if (permitted && isSecret(name)) {
      sealed = Optional.empty();
      withSecrets(name.orElseThrow(), in, moved);
    } else {
      relayIf(permitted, relay -> relay.pass(in), moved);
    }
  }

  private void withSecrets(String host, Inflow in, Runnable moved) throws IOException {
    SecretGate gate = secrets.orElseThrow();
    if (!gate.places().enter(slot)) {
      refuse(Optional.of(host), "too many connections");
      return;
    }
    try {
      SecretConnection connection =
          new SecretConnection(
              new Ends(slot, destination, client),
              host,
              rules,
              config,
              sockets,
              gate,
              new SecretConnection.Owner(moved, this::cut, this::opened));
      secret = connection;
      if (connection.revoked()) {
        cut(); // what it was made for has changed since
        return;
      }
      connection.serve(in);
    } finally {
      gate.places().leave(slot);
    }
  }

  private boolean isSecret(Optional<String> name) {
    return secrets.isPresent()
        && name.isPresent()
        && !rules.slots().secrets(slot, name.get(), destination.getPort()).isEmpty();
  }

  private void opened(SocketChannel channel) {
    server = channel;
    if (cut.get()) {
      close(channel);
    }
  }

  private void http(Inflow in, Runnable moved) throws IOException {
    HttpRequests requests = new HttpRequests(in);
    Optional<HttpHead> head = requests.next();
    if (head.isPresent() && permits(head.get().host())) {
      relayIf(true, relay -> relay.passHttp(requests, head.get(), it -> permits(it.host())), moved);
    }
  }

  /**
   * The server may have to speak first. It is connected to, if a connection without a name is
   * allowed; what the client says afterwards is looked at all the same.
   */
  private void silent(Inflow in, Runnable moved) throws IOException {
    relayIf(permits(Optional.empty()), relay -> late(relay, in), moved);
  }

  private boolean late(Relay relay, Inflow in) throws IOException {
    return switch (FirstBytes.whenever(in)) {
      case Opening.Gone gone -> true;
      case Opening.Other other -> relay.pass(in);
      case Opening.Tls tls -> lateTls(relay, tls.name(), in);
      case Opening.Http http -> lateHttp(relay, in);
      case Opening.Unreadable unreadable -> unreadable();
      case Opening.Silent silent -> unreadable();
    };
  }

  private boolean lateTls(Relay relay, Optional<String> name, Inflow in) throws IOException {
    boolean permitted = permits(name);
    sealed = name;
    return permitted && !isSecret(name) && relay.pass(in);
  }

  private boolean unreadable() {
    refuse(Optional.empty(), GateRules.CANNOT_BE_CHECKED);
    return false;
  }

  private boolean lateHttp(Relay relay, Inflow in) throws IOException {
    HttpRequests requests = new HttpRequests(in);
    Optional<HttpHead> head = requests.next();
    return head.isEmpty()
        || (permits(head.get().host())
            && relay.passHttp(requests, head.get(), it -> permits(it.host())));
  }

  private void relayIf(boolean permitted, Relay.Work work, Runnable moved) throws IOException {
    if (!permitted) {
      return;
    }
    SocketChannel channel = sockets.stream(destination.getAddress());
    server = channel;
    if (cut.get()) {
      return;
    }
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    client.setOption(StandardSocketOptions.TCP_NODELAY, true);
    channel.socket().connect(destination, Math.toIntExact(config.connect().toMillis()));
    moved.run();
    Relay relay =
        new Relay(GateChannel.of(client), GateChannel.of(channel), config, moved, this::cut);
    if (!relay.run(work)) {
      cut();
    }
  }

  /** Remembers the name before it asks, so that a change of policy in between finds it. */
  private boolean permits(Optional<String> name) {
    boolean pinned = rules.pinned(slot, name, destination);
    names.merge(name, pinned, Boolean::logicalOr);
    if (names.size() > MOST_NAMES) {
      refuse(name, "too many names on one connection");
      return false;
    }
    Ruling ruling = rules.rule(slot, name, destination, pinned);
    if (!ruling.allowed()) {
      refuse(name, ruling.rule());
    }
    return ruling.allowed() && !cut.get();
  }

  private void refuse(Optional<String> name, String rule) {
    rules.refused(slot, name, destination, rule);
    cut();
  }

  /** Cuts the connection if the policy that is now in force would not have let it through. */
  void recheck() {
    SecretConnection withSecrets = secret;
    if ((withSecrets != null && withSecrets.revoked()) || isSecret(sealed)) {
      cut();
      return;
    }
    for (Map.Entry<Optional<String>, Boolean> entry : names.entrySet()) {
      Optional<String> name = entry.getKey();
      Ruling ruling = rules.rule(slot, name, destination, entry.getValue());
      if (!ruling.allowed()) {
        refuse(name, ruling.rule());
        return;
      }
    }
  }

  /** Resets both sides; idempotent. */
  void cut() {
    if (cut.compareAndSet(false, true)) {
      reset(client);
      SocketChannel other = server;
      if (other != null) {
        reset(other);
      }
    }
  }

  private static void reset(SocketChannel channel) {
    try {
      channel.setOption(StandardSocketOptions.SO_LINGER, 0);
    } catch (IOException e) {
      LOG.trace("already closed: {}", e.toString());
    }
    close(channel);
  }

  private void close() {
    close(client);
    SocketChannel other = server;
    if (other != null) {
      close(other);
    }
  }

  private static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.debug("a connection did not close: {}", e.toString());
    }
  }
}
