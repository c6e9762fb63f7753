package dev.podflare.network;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.LongSupplier;

/** Slots in memory; pins end by the given clock. Thread-safe. */
final class MemorySlots implements SlotAccess {
  private record Pin(Inet4Address slot, String name, InetAddress address) {}

  final Queue<Refusal> refusals = new ConcurrentLinkedQueue<>();
  private final Map<Inet4Address, EgressPolicy> policies = new ConcurrentHashMap<>();
  private final Map<Inet4Address, List<SecretRule>> secrets = new ConcurrentHashMap<>();
  final Map<String, Integer> uses = new ConcurrentHashMap<>();
  private final Map<Pin, Long> pins = new ConcurrentHashMap<>();
  private final DeniedRanges denied;
  private final ClosedIpv6 closed;
  volatile boolean ipv6;
  private final LongSupplier nanos;

  MemorySlots(List<String> exceptions, LongSupplier nanos) {
    this.denied =
        new DeniedRanges(
            Cidr.parse("10.213.0.0/16"),
            exceptions.stream().map(Cidr::parse).toList(),
            java.util.Set::of);
    this.closed =
        new ClosedIpv6(
            Cidr.parse("fd73::/64"),
            exceptions.stream().map(Cidr::parse).toList(),
            java.util.Set::of);
    this.nanos = nanos;
  }

  static Inet4Address v4(String text) {
    return Inet4Address.ofLiteral(text);
  }

  void set(Inet4Address slot, EgressPolicy policy) {
    policies.put(slot, policy);
  }

  void remove(Inet4Address slot) {
    policies.remove(slot);
  }

  @Override
  public Optional<EgressPolicy> policy(Inet4Address slot) {
    return Optional.ofNullable(policies.get(slot));
  }

  @Override
  public void pin(
      Inet4Address slot, String name, List<? extends InetAddress> addresses, Duration time) {
    for (InetAddress address : addresses) {
      pins.put(new Pin(slot, name, address), nanos.getAsLong() + time.toNanos());
    }
  }

  @Override
  public boolean pinned(Inet4Address slot, String name, InetAddress address) {
    Long until = pins.get(new Pin(slot, name, address));
    return until != null && nanos.getAsLong() - until < 0;
  }

  @Override
  public boolean alwaysDenied(InetAddress address) {
    return denied.contains(address) || closed.contains(address);
  }

  @Override
  public boolean ipv6() {
    return ipv6;
  }

  void secrets(Inet4Address slot, List<SecretRule> rules) {
    secrets.put(slot, rules);
  }

  @Override
  public List<SecretRule> secrets(Inet4Address slot, String host, int port) {
    return access(slot).secrets(host, port);
  }

  @Override
  public boolean named(Inet4Address slot, int port) {
    return access(slot).namedPorts().contains(port);
  }

  private GuestAccess access(Inet4Address slot) {
    return new GuestAccess(EgressPolicy.OPEN, secrets.getOrDefault(slot, List.of()));
  }

  @Override
  public void secretUsed(Inet4Address slot, String secret, boolean wasRefused) {
    uses.merge(secret + (wasRefused ? " refused" : " used"), 1, Integer::sum);
  }

  @Override
  public void refused(Inet4Address slot, Refusal refusal) {
    refusals.add(refusal);
  }

  List<String> rules() {
    return refusals.stream().map(Refusal::rule).toList();
  }
}
