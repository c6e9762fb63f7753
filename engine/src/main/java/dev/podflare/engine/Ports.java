package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.nio.channels.SocketChannel;
import java.util.Map;
import java.util.Optional;

/** Connects to TCP ports of guests. Thread-safe. */
final class Ports {
  private static final int ATTEMPTS = 3;

  private final Pauses pauses;
  private final Optional<GuestNetwork> network;

  Ports(Pauses pauses, Optional<GuestNetwork> network) {
    this.pauses = pauses;
    this.network = network;
  }

  /** See {@link Engine#connectPort}. */
  SocketChannel connect(Caller caller, String sandboxId, int port) {
    if (port < 1 || port > 65535) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "a port is 1 to 65535, not " + port, Map.of("port", port));
    }
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      Sandbox sandbox = pauses.awake(caller, sandboxId);
      Optional<SocketChannel> channel = connect(sandbox, sandboxId, port);
      if (channel.isPresent()) {
        return channel.get();
      }
      // Closed or merged meanwhile: find says which.
    }
    throw new PodflareException(
        ErrorCode.WRONG_STATE, sandboxId + " has another machine each time that it is asked for");
  }

  /** Empty if the sandbox had another machine, or none, before the connection was made. */
  private Optional<SocketChannel> connect(Sandbox sandbox, String id, int port) {
    GuestMachine guest = sandbox.guest();
    SlotPort place = guest.port().orElseThrow(() -> noNetwork(id));
    sandbox.touch();
    try {
      guest.wake();
      SocketChannel channel = open(new InetSocketAddress(place.address(), port), id);
      // The guest's place belongs to others once it has ended: then the channel may lead to them.
      if (guest.ports().add(channel) && sandbox.is(id)) {
        return Optional.of(channel);
      }
      closeQuietly(channel);
      return Optional.empty();
    } catch (PodflareException e) {
      if (sandbox.is(id)) {
        throw e;
      }
      return Optional.empty();
    }
  }

  private SocketChannel open(InetSocketAddress address, String id) {
    SocketChannel channel = network.orElseThrow(() -> noNetwork(id)).socket();
    try {
      channel.socket().setTcpNoDelay(true);
      channel.socket().connect(address, Math.toIntExact(Engine.PORT_PATIENCE.toMillis()));
      return channel;
    } catch (IOException e) {
      closeQuietly(channel);
      throw failure(id, address.getPort(), e);
    }
  }

  private static PodflareException failure(String id, int port, IOException failure) {
    Map<String, Object> details = Map.of("sandbox_id", id, "port", port);
    return switch (failure) {
      case SocketTimeoutException _, NoRouteToHostException _ ->
          new PodflareException(
              ErrorCode.TIMED_OUT,
              "the guest did not accept a connection to port "
                  + port
                  + " within "
                  + Engine.PORT_PATIENCE.toSeconds()
                  + " s",
              details,
              failure);
      case ConnectException _ ->
          new PodflareException(
              ErrorCode.PORT_NOT_LISTENING,
              "nothing in the guest listens on port "
                  + port
                  + "; a server that listens on 127.0.0.1 only cannot be reached, let it listen on"
                  + " 0.0.0.0",
              details,
              failure);
      default ->
          new PodflareException(
              ErrorCode.MACHINE_FAILED, "no connection to the guest: " + failure, details, failure);
    };
  }

  private static PodflareException noNetwork(String id) {
    return new PodflareException(
        ErrorCode.WRONG_STATE,
        "this host gives guests no network, so their ports cannot be reached",
        Map.of("sandbox_id", id));
  }

  private static void closeQuietly(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // It was of no use anyway.
    }
  }
}
