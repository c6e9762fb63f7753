package dev.podflare.webhook;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.network.Cidr;
import dev.podflare.network.DeniedRanges;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which addresses may be sent to: none that a guest could not reach either, unless the operator
 * opens them. What counts is the address that a connection is made to, so it is asked for each
 * connection again; a name may mean another one by then. Slots of guests stay closed in any case.
 * Thread-safe.
 */
public final class WebhookTargets {
  /** Where guests have no network, there are no slots; nobody has this address. */
  private static final Cidr NO_SLOTS = Cidr.parse("0.0.0.0");

  private final DeniedRanges denied;
  private final boolean allowPrivate;
  private final Names names;

  /** Looks names up; throws {@link UnknownHostException} for what it does not know. */
  @FunctionalInterface
  public interface Names {
    List<InetAddress> lookUp(String host) throws UnknownHostException;
  }

  WebhookTargets(DeniedRanges denied, boolean allowPrivate, Names names) {
    this.denied = denied;
    this.allowPrivate = allowPrivate;
    this.names = names;
  }

  /**
   * By the resolver of this host.
   *
   * @param slots range of the guests' slots
   * @param allow blocks that the operator opens; an address of the host only if it is listed by
   *     itself
   * @param allowPrivate whether every address but those of guests is open
   */
  public static WebhookTargets of(Optional<Cidr> slots, List<Cidr> allow, boolean allowPrivate) {
    return new WebhookTargets(
        new DeniedRanges(slots.orElse(NO_SLOTS), allow, WebhookTargets::ownAddresses),
        allowPrivate,
        host -> List.of(InetAddress.getAllByName(host)));
  }

  /** The same by another resolver. */
  WebhookTargets withNames(Names other) {
    return new WebhookTargets(denied, allowPrivate, other);
  }

  boolean open(InetAddress address) {
    return allowPrivate ? !denied.slots().contains(address) : !denied.contains(address);
  }

  List<InetAddress> lookUp(String host) throws UnknownHostException {
    return names.lookUp(host);
  }

  /**
   * Refuses a name that means nothing, or an address that is closed, with {@code INVALID_FIELD}.
   */
  void check(String host) {
    List<InetAddress> addresses;
    try {
      addresses = lookUp(host);
    } catch (UnknownHostException unknown) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "'url' names a host that is not known: " + host,
          Map.of("field", "url"));
    }
    for (InetAddress address : addresses) {
      if (!open(address)) {
        throw new PodflareException(
            ErrorCode.INVALID_FIELD,
            "'url' leads to a private address, which this server does not send to: "
                + host
                + "; its operator can allow that",
            Map.of("field", "url"));
      }
    }
  }

  private static Set<InetAddress> ownAddresses() {
    try {
      return NetworkInterface.networkInterfaces()
          .flatMap(NetworkInterface::inetAddresses)
          .collect(Collectors.toUnmodifiableSet());
    } catch (SocketException failed) {
      throw new PodflareException(
          ErrorCode.INTERNAL, "the host does not tell its own addresses", failed);
    }
  }
}
