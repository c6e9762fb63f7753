package dev.podflare.network;

import dev.podflare.network.EgressPolicy.Default;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/**
 * The order of a policy's rules. Written as if name and address were both known, a connection
 * matches a list if it matches one of its entries, and the list that agrees with the default is
 * asked first. The packet filter does not know the name; {@link #steps} says BY_NAME where it could
 * change the outcome.
 *
 * <p>A deny rule for a domain without a port is looked for on ports 80 and 443 only: elsewhere
 * protocols are common in which the server speaks first and no name is ever said.
 */
final class PolicyOrder {
  private static final List<Integer> PORTS_WITH_NAMES = List.of(80, 443);
  private static final List<Destination.Network> EVERYTHING =
      List.of(everywhere(Cidr.ANY_V4), everywhere(Cidr.ANY_V6));

  private PolicyOrder() {}

  static List<AddressStep> steps(EgressPolicy policy) {
    return steps(policy, Set.of());
  }

  /**
   * The same where every connection that is let through on these ports has to say a name, since the
   * gate looks for secrets to put into it.
   */
  static List<AddressStep> steps(EgressPolicy policy, Set<Integer> namedPorts) {
    List<Destination.Network> allow = EgressPolicy.networks(policy.allow());
    List<Destination.Network> deny = EgressPolicy.networks(policy.deny());
    List<Destination.Domain> allowNames = EgressPolicy.domains(policy.allow());
    NavigableSet<Integer> refusedPorts = refusedPorts(EgressPolicy.domains(policy.deny()));
    refusedPorts.addAll(namedPorts);
    return switch (policy.fallback()) {
      case DENY ->
          List.of(
              new AddressStep(Verdict.REFUSE, deny),
              new AddressStep(Verdict.BY_NAME, at(allow, refusedPorts)),
              new AddressStep(Verdict.ALLOW, allow),
              new AddressStep(Verdict.BY_NAME, atPortsOf(allowNames)),
              new AddressStep(Verdict.REFUSE, EVERYTHING));
      case ALLOW ->
          List.of(
              new AddressStep(Verdict.BY_NAME, at(allow, new TreeSet<>(namedPorts))),
              new AddressStep(Verdict.ALLOW, allow),
              new AddressStep(allowNames.isEmpty() ? Verdict.REFUSE : Verdict.BY_NAME, deny),
              new AddressStep(Verdict.BY_NAME, at(EVERYTHING, refusedPorts)),
              new AddressStep(Verdict.ALLOW, EVERYTHING));
    };
  }

  static Verdict decide(EgressPolicy policy, InetAddress address, int port) {
    return steps(policy).stream()
        .filter(step -> step.matches(address, port))
        .findFirst()
        .orElseThrow()
        .verdict();
  }

  static Ruling connection(
      EgressPolicy policy, Optional<String> name, InetAddress address, int port, boolean pinned) {
    Optional<String> reachable = pinned ? name : Optional.empty();
    Optional<Destination> allow = first(policy.allow(), reachable, address, port);
    Optional<Destination> deny = first(policy.deny(), name, address, port);
    Ruling byDefault = byDefault(policy, name, port, pinned);
    Optional<Ruling> ruling =
        switch (policy.fallback()) {
          case DENY -> deny.map(PolicyOrder::deny).or(() -> allow.map(PolicyOrder::allow));
          case ALLOW -> allow.map(PolicyOrder::allow).or(() -> deny.map(PolicyOrder::deny));
        };
    return ruling.orElse(byDefault);
  }

  /** What to say when no entry matched; under default deny it helps to know how near it was. */
  private static Ruling byDefault(
      EgressPolicy policy, Optional<String> name, int port, boolean pinned) {
    if (policy.fallback() == Default.ALLOW) {
      return Ruling.allowed("default allow");
    }
    boolean named =
        EgressPolicy.domains(policy.allow()).stream().anyMatch(it -> it.matches(name, port));
    return Ruling.refused(named && !pinned ? "name does not match" : "default deny");
  }

  static NameVerdict name(EgressPolicy policy, Optional<String> name) {
    boolean names = policy.fallback() == Default.ALLOW || !allowNames(policy).isEmpty();
    if (!policy.dns() || !names) {
      return NameVerdict.REFUSED;
    }
    if (name.isEmpty() || refusesName(policy, name)) {
      return policy.fallback() == Default.ALLOW && name.isEmpty()
          ? NameVerdict.FORWARD
          : NameVerdict.NO_SUCH_NAME;
    }
    return policy.fallback() == Default.ALLOW || covered(allowNames(policy), name)
        ? NameVerdict.FORWARD
        : NameVerdict.NO_SUCH_NAME;
  }

  static boolean refusesName(EgressPolicy policy, Optional<String> name) {
    boolean denied =
        covered(
            EgressPolicy.domains(policy.deny()).stream().filter(it -> it.port().isEmpty()).toList(),
            name);
    return switch (policy.fallback()) {
      case DENY -> denied;
      case ALLOW -> denied && !covered(allowNames(policy), name);
    };
  }

  private static List<Destination.Domain> allowNames(EgressPolicy policy) {
    return EgressPolicy.domains(policy.allow());
  }

  private static boolean covered(List<Destination.Domain> domains, Optional<String> name) {
    return name.isPresent() && domains.stream().anyMatch(it -> it.covers(name.get()));
  }

  private static Optional<Destination> first(
      List<Destination> list, Optional<String> name, InetAddress address, int port) {
    return list.stream()
        .filter(entry ->
            switch (entry) {
              case Destination.Domain domain -> domain.matches(name, port);
              case Destination.Network network -> network.matches(address, port);
            })
        .findFirst();
  }

  private static Ruling allow(Destination entry) {
    return Ruling.allowed("allow " + entry);
  }

  private static Ruling deny(Destination entry) {
    return Ruling.refused("deny " + entry);
  }

  private static NavigableSet<Integer> refusedPorts(List<Destination.Domain> domains) {
    NavigableSet<Integer> ports = new TreeSet<>();
    for (Destination.Domain domain : domains) {
      if (domain.port().isPresent()) {
        ports.add(domain.port().getAsInt());
      } else {
        ports.addAll(PORTS_WITH_NAMES);
      }
    }
    return ports;
  }

  private static List<Destination.Network> atPortsOf(List<Destination.Domain> domains) {
    if (domains.stream().anyMatch(domain -> domain.port().isEmpty())) {
      return EVERYTHING;
    }
    NavigableSet<Integer> ports = new TreeSet<>();
    domains.forEach(domain -> domain.port().ifPresent(ports::add));
    return at(EVERYTHING, ports);
  }

  private static List<Destination.Network> at(
      List<Destination.Network> networks, NavigableSet<Integer> ports) {
    List<Destination.Network> result = new ArrayList<>();
    for (Destination.Network network : networks) {
      for (int port : ports) {
        if (network.port().isEmpty()) {
          result.add(new Destination.Network(network.cidr(), OptionalInt.of(port)));
        } else if (network.port().getAsInt() == port) {
          result.add(network);
        }
      }
    }
    return result;
  }

  private static Destination.Network everywhere(Cidr cidr) {
    return new Destination.Network(cidr, OptionalInt.empty());
  }
}
