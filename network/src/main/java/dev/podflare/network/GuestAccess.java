package dev.podflare.network;

import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;

/**
 * What a guest may reach, and the secrets that the gate puts into its requests. A secret opens
 * nothing: its hosts are reached only if the policy lets them be. Immutable.
 */
public record GuestAccess(EgressPolicy policy, List<SecretRule> secrets) {
  /** See {@link EgressPolicy#OPEN}. */
  public static final GuestAccess OPEN = of(EgressPolicy.OPEN);

  /** See {@link EgressPolicy#SHUT}. */
  public static final GuestAccess SHUT = of(EgressPolicy.SHUT);

  public GuestAccess {
    secrets = List.copyOf(secrets);
  }

  /** Without secrets. */
  public static GuestAccess of(EgressPolicy policy) {
    return new GuestAccess(policy, List.of());
  }

  /** Those for a host, in their order. */
  List<SecretRule> secrets(String host, int port) {
    return secrets.stream().filter(it -> it.covers(host, port)).toList();
  }

  /** Ports on which every connection has to say whom it wants, since a secret may be for it. */
  NavigableSet<Integer> namedPorts() {
    NavigableSet<Integer> ports = new TreeSet<>();
    secrets.forEach(it -> it.hosts().forEach(host -> ports.add(host.port().orElseThrow())));
    return ports;
  }

  /** See {@link PolicyOrder#steps}. */
  List<AddressStep> steps() {
    return PolicyOrder.steps(policy, namedPorts());
  }
}
