package dev.podflare.network;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** All slots by their outer address, as resolver and gate see them. Thread-safe. */
final class Slots implements SlotAccess {
  private final Map<Inet4Address, SlotState> states = new ConcurrentHashMap<>();
  private final DeniedRanges denied;
  private final ClosedIpv6 closed;
  private final Plan plan;
  private final boolean ipv6;

  Slots(DeniedRanges denied, ClosedIpv6 closed, Plan plan, boolean ipv6) {
    this.denied = denied;
    this.closed = closed;
    this.plan = plan;
    this.ipv6 = ipv6;
  }

  void add(Inet4Address slot, SlotState state) {
    states.put(slot, state);
  }

  void remove(Inet4Address slot) {
    states.remove(slot);
  }

  Optional<SlotState> find(Inet4Address slot) {
    return Optional.ofNullable(states.get(slot));
  }

  @Override
  public Optional<EgressPolicy> policy(Inet4Address slot) {
    return find(slot).flatMap(SlotState::policy);
  }

  @Override
  public void pin(
      Inet4Address slot, String name, List<? extends InetAddress> addresses, Duration time) {
    List<InetAddress> reachable =
        addresses.stream().filter(it -> !alwaysDenied(it)).map(InetAddress.class::cast).toList();
    find(slot).ifPresent(state -> state.pin(spelled(name), reachable, time));
  }

  @Override
  public boolean pinned(Inet4Address slot, String name, InetAddress address) {
    return find(slot).map(state -> state.pinned(spelled(name), address)).orElse(false);
  }

  private static String spelled(String name) {
    return DomainNames.read(name).orElse(name);
  }

  @Override
  public boolean ipv6() {
    return ipv6;
  }

  @Override
  public Optional<Inet4Address> slot(InetAddress opener) {
    return plan.outer(opener);
  }

  @Override
  public boolean alwaysDenied(InetAddress address) {
    return denied.contains(address) || closed.contains(address);
  }

  @Override
  public List<SecretRule> secrets(Inet4Address slot, String host, int port) {
    return find(slot).map(state -> state.access().secrets(host, port)).orElse(List.of());
  }

  @Override
  public boolean named(Inet4Address slot, int port) {
    return find(slot).filter(state -> state.access().namedPorts().contains(port)).isPresent();
  }

  @Override
  public void secretUsed(Inet4Address slot, String secret, boolean refused) {
    find(slot).ifPresent(state -> state.secretUsed(secret, refused));
  }

  @Override
  public void refused(Inet4Address slot, Refusal refusal) {
    find(slot).ifPresent(state -> state.refused(refusal));
  }
}
