package dev.podflare.network;

import java.net.Inet4Address;
import java.util.function.Consumer;

/**
 * The daemon's resolver, gate and server of volumes, as the packet filter needs them. All listen on
 * {@link Network#gateAddress}, in the host's namespace, and the gate also where IPv6 leads to it.
 *
 * @param resolverPort UDP and TCP port of the resolver
 * @param gatePort TCP port of the gate
 * @param gatePort6 that on {@link Network#gateAddress6}; 0: there is none
 * @param volumePort TCP port of the server of volumes; 0: there is none
 * @param recheck called after a slot's policy changed: ends relays that the new one refuses
 * @param cut called when a slot is scrubbed: ends all its relays
 */
public record Services(
    int resolverPort,
    int gatePort,
    int gatePort6,
    int volumePort,
    Consumer<Inet4Address> recheck,
    Consumer<Inet4Address> cut) {
  /** Where guests look for volumes, at their gateway. */
  public static final int GUEST_VOLUME_PORT = 2049;

  /** Nobody listens: what would go there is refused. */
  static final Services NONE = new Services(0, 0, slot -> {}, slot -> {});

  /** Without volumes and IPv6. */
  public Services(
      int resolverPort, int gatePort, Consumer<Inet4Address> recheck, Consumer<Inet4Address> cut) {
    this(resolverPort, gatePort, 0, 0, recheck, cut);
  }
}
