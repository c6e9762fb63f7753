package dev.podflare.network;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

/** What the gate needs to put secrets into requests. Thread-safe. */
public final class SecretGate {
  private final GateTls tls;
  private final SecretValues values;
  private final Names names;
  private final SecretPlaces places = new SecretPlaces();

  private SecretGate(GateTls tls, SecretValues values, Names names) {
    this.tls = tls;
    this.values = values;
    this.names = names;
  }

  /** Finds addresses of a host; {@link Resolver#addresses} is one. */
  @FunctionalInterface
  public interface Names {
    /** Those that the slot may be told now; empty if there are none. */
    List<InetAddress> addresses(Inet4Address slot, String name);
  }

  /**
   * With the trust of this host.
   *
   * @param authority asked when the first guest with a secret connects
   * @param trusted more files of certificates that hosts may have, PEM
   */
  public static SecretGate of(
      Supplier<GateAuthority> authority, List<Path> trusted, SecretValues values, Names names) {
    return new SecretGate(new GateTls(authority, trusted), values, names);
  }

  /** Both ends of TLS. */
  GateTls tls() {
    return tls;
  }

  /** Opens secrets. */
  SecretValues values() {
    return values;
  }

  /** Finds a host's addresses of now. */
  Names names() {
    return names;
  }

  SecretPlaces places() {
    return places;
  }
}
