package dev.podflare.network;

import dev.podflare.network.HostFilter.InForce;
import java.net.InetAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * What the daemon knows of one slot: its policy, its pins, its refusals; and the one place that
 * changes them in the packet filter. Thread-safe.
 */
final class SlotState {
  private static final int KEPT = 100;

  private final HostFilter filter;
  private final Plan.Place place;
  private final Clock clock;
  private final Deque<Refusal> refusals = new ArrayDeque<>();
  private Pins pins = new Pins();
  private InForce inForce;
  private final Map<String, SecretUse> uses = new HashMap<>();
  private volatile Optional<GuestAccess> access = Optional.empty();
  private long refusedByName;

  private SlotState(HostFilter filter, Plan.Place place, Clock clock, InForce inForce) {
    this.filter = filter;
    this.place = place;
    this.clock = clock;
    this.inForce = inForce;
  }

  /** Makes the slot known to the packet filter, shut. */
  static SlotState create(HostFilter filter, Plan.Place place, Clock clock) {
    InForce shut =
        new InForce(
            filter.nextGeneration(), PolicyElements.of(place, GuestAccess.SHUT, filter.ipv6()));
    filter.addSlot(place, shut);
    return new SlotState(filter, place, clock, shut);
  }

  /** One that is in use; it is yet to be made known to the packet filter, by {@link #inForce}. */
  static SlotState restored(HostFilter filter, Plan.Place place, Clock clock, GuestAccess access) {
    InForce now =
        new InForce(filter.nextGeneration(), PolicyElements.of(place, access, filter.ipv6()));
    SlotState state = new SlotState(filter, place, clock, now);
    state.access = Optional.of(access);
    return state;
  }

  synchronized InForce inForce() {
    return inForce;
  }

  synchronized void remove() {
    filter.removeSlot(place, inForce, pins.inFilter());
    access = Optional.empty();
  }

  /** The policy of a slot in use. */
  Optional<EgressPolicy> policy() {
    return access.map(GuestAccess::policy);
  }

  /** The same with its secrets; nothing of one that is not in use. */
  GuestAccess access() {
    return access.orElse(GuestAccess.SHUT);
  }

  synchronized void apply(GuestAccess next) {
    boolean same =
        access.isPresent()
            && access.get().policy().equals(next.policy())
            && access.get().namedPorts().equals(next.namedPorts());
    if (!same) { // else connections need not be judged anew
      // Names that the new policy does not allow lose their addresses, the others keep them.
      change(next, name -> !next.policy().pins(name));
    }
    access = Optional.of(next);
    uses.keySet().retainAll(next.secrets().stream().map(SecretRule::name).toList());
  }

  synchronized void secretUsed(String secret, boolean refused) {
    if (access().secrets().stream().anyMatch(it -> it.name().equals(secret))) {
      SecretUse before = uses.getOrDefault(secret, SecretUse.NONE);
      uses.put(secret, refused ? before.refusedOnce() : before.used(clock.instant()));
    }
  }

  /** What became of the secrets, by name; of those that were never used nothing. */
  synchronized Map<String, SecretUse> uses() {
    return Map.copyOf(uses);
  }

  /** Shuts the slot and forgets everything of its user. */
  synchronized void clear() {
    access = Optional.empty();
    uses.clear();
    change(GuestAccess.SHUT, name -> true);
    pins = new Pins();
    refusals.clear();
    refusedByName = 0;
    filter.resetCounters(place);
  }

  private void change(GuestAccess next, Predicate<String> unpinned) {
    InForce now =
        new InForce(filter.nextGeneration(), PolicyElements.of(place, next, filter.ipv6()));
    pins.removeNames(unpinned);
    Pins.Change change = pins.change();
    filter.apply(place, inForce, now, change.removed());
    pins.applied(new Pins.Change(List.of(), change.removed()));
    inForce = now;
  }

  synchronized void pin(String name, Collection<InetAddress> addresses, Duration time) {
    if (!policy().map(it -> it.pins(name)).orElse(false)) {
      return; // the policy changed while the answer was on its way
    }
    pins.add(name, addresses, clock.instant(), time);
    Pins.Change change = pins.change();
    filter.pin(place, change.added(), change.removed());
    pins.applied(change);
  }

  synchronized boolean pinned(String name, InetAddress address) {
    return pins.holds(name, address, clock.instant());
  }

  /** Keeps a refusal that the packet filter has counted. */
  synchronized void keep(Refusal refusal) {
    if (access.isEmpty()) {
      return; // a late message about the user before
    }
    if (refusals.size() == KEPT) {
      refusals.removeFirst();
    }
    refusals.addLast(refusal);
  }

  /** Counts and keeps a refusal of the resolver or the gate. */
  synchronized void refused(Refusal refusal) {
    refusedByName++;
    keep(refusal);
  }

  synchronized List<Refusal> refusals() {
    return List.copyOf(refusals);
  }

  synchronized long refusedByName() {
    return refusedByName;
  }
}
