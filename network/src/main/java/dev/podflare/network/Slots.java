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

  Slots(DeniedRanges denied) {
    this.denied = denied;
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
  public void pin(Inet4Address slot, String name, List<Inet4Address> addresses, Duration time) {
    List<Inet4Address> reachable = addresses.stream().filter(it -> !alwaysDenied(it)).toList();
    find(slot).ifPresent(state -> state.pin(spelled(name), reachable, time));
  }

  @Override
  public boolean pinned(Inet4Address slot, String name, Inet4Address address) {
    return find(slot).map(state -> state.pinned(spelled(name), address)).orElse(false);
  }

  private static String spelled(String name) {
    return DomainNames.read(name).orElse(name);
  }

  @Override
  public boolean alwaysDenied(InetAddress address) {
    return denied.contains(address);
  }

  @Override
  public void refused(Inet4Address slot, Refusal refusal) {
    find(slot).ifPresent(state -> state.refused(refusal));
  }
}
