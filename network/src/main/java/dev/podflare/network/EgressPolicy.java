package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

/**
 * What a guest may reach. Always-denied ranges ({@link DeniedRanges}) come before any policy and
 * are not asked here. After them the list that agrees with the default wins: under default deny,
 * {@code deny} then {@code allow}, else refused; under default allow, {@code allow} then {@code
 * deny}, else allowed.
 *
 * <p>Three parts ask, and this order is known in {@link PolicyOrder} alone: the packet filter takes
 * {@link #steps()}, the resolver {@link #decideName}, the gate {@link #decideConnection}.
 * Immutable.
 */
public record EgressPolicy(
    Default fallback, List<Destination> allow, List<Destination> deny, boolean dns) {
  /** Most entries of a list. */
  public static final int MOST_ENTRIES = 256;

  /** Most different ports that the domains of a list may name; bounds the packet filter's sets. */
  public static final int MOST_DOMAIN_PORTS = 32;

  /** Everything but the always-denied ranges. */
  public static final EgressPolicy OPEN =
      new EgressPolicy(Default.ALLOW, List.of(), List.of(), true);

  /** Nothing at all, and no names. */
  public static final EgressPolicy SHUT =
      new EgressPolicy(Default.DENY, List.of(), List.of(), false);

  /** What happens to what no list mentions. */
  public enum Default {
    ALLOW,
    DENY
  }

  public EgressPolicy {
    allow = checked("allow", allow);
    deny = checked("deny", deny);
  }

  /** Reads both lists with {@link Destination#parse}. */
  public static EgressPolicy parse(
      Default fallback, List<String> allow, List<String> deny, boolean dns) {
    return new EgressPolicy(fallback, parseList("allow", allow), parseList("deny", deny), dns);
  }

  /**
   * The order for packets: the first step with a matching network decides, and the last one matches
   * everything. {@link Verdict#BY_NAME} means the gate for TCP and a refusal for all else. Steps
   * may be empty; entries with a port say nothing of protocols without ports.
   */
  public List<AddressStep> steps() {
    return PolicyOrder.steps(this);
  }

  /** What address and port alone say; the same answer as the first matching of {@link #steps}. */
  public Verdict decide(InetAddress address, int port) {
    return PolicyOrder.decide(this, address, port);
  }

  /**
   * The gate's question, for what {@link #decide} left to the name.
   *
   * @param name what the client said (SNI or Host); empty if it said none
   * @param pinned whether this slot was told the address in an answer for that name
   */
  public Ruling decideConnection(
      Optional<String> name, InetAddress address, int port, boolean pinned) {
    return PolicyOrder.connection(this, name.flatMap(DomainNames::read), address, port, pinned);
  }

  /** The resolver's question. A name that is reachable on any port at all may be asked for. */
  public NameVerdict decideName(String name) {
    return PolicyOrder.name(this, DomainNames.read(name));
  }

  /**
   * Whether a rule refuses this name on every port. The resolver also asks it for the names that an
   * answer's aliases lead to.
   */
  public boolean refusesName(String name) {
    return PolicyOrder.refusesName(this, DomainNames.read(name));
  }

  /** Whether addresses of this name are to be pinned: it is under an allow rule for a domain. */
  public boolean pins(String name) {
    return DomainNames.read(name)
        .filter(asked -> domains(allow).stream().anyMatch(it -> it.covers(asked)))
        .isPresent();
  }

  /** Whether any entry of either list is a domain. */
  public boolean hasDomains() {
    return !domains(allow).isEmpty() || !domains(deny).isEmpty();
  }

  static List<Destination.Domain> domains(List<Destination> list) {
    return list.stream()
        .filter(Destination.Domain.class::isInstance)
        .map(Destination.Domain.class::cast)
        .toList();
  }

  static List<Destination.Network> networks(List<Destination> list) {
    return list.stream()
        .filter(Destination.Network.class::isInstance)
        .map(Destination.Network.class::cast)
        .toList();
  }

  private static List<Destination> parseList(String name, List<String> list) {
    checkSize(name, list.size());
    return list.stream().map(Destination::parse).toList();
  }

  private static List<Destination> checked(String name, List<Destination> list) {
    checkSize(name, list.size());
    long ports = domains(list).stream().flatMapToInt(it -> it.port().stream()).distinct().count();
    if (ports > MOST_DOMAIN_PORTS) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "domains of '"
              + name
              + "' name "
              + ports
              + " ports, at most "
              + MOST_DOMAIN_PORTS
              + " are possible; leave the port out");
    }
    return list.stream().distinct().toList();
  }

  private static void checkSize(String name, int size) {
    if (size > MOST_ENTRIES) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "'" + name + "' has " + size + " entries, at most " + MOST_ENTRIES + " are possible");
    }
  }
}
