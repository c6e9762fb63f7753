package dev.podflare.network;

import dev.podflare.network.HostFilter.InForce;
import java.net.Inet4Address;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
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
  private volatile Optional<EgressPolicy> policy = Optional.empty();
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
        new InForce(filter.nextGeneration(), PolicyElements.of(place.outer(), EgressPolicy.SHUT));
    filter.addSlot(place, shut);
    return new SlotState(filter, place, clock, shut);
  }

  /** One that is in use; it is yet to be made known to the packet filter, by {@link #inForce}. */
  static SlotState restored(HostFilter filter, Plan.Place place, Clock clock, EgressPolicy policy) {
    InForce now = new InForce(filter.nextGeneration(), PolicyElements.of(place.outer(), policy));
    SlotState state = new SlotState(filter, place, clock, now);
    state.policy = Optional.of(policy);
    return state;
  }

  synchronized InForce inForce() {
    return inForce;
  }

  synchronized void remove() {
    filter.removeSlot(place, inForce, pins.inFilter());
    policy = Optional.empty();
  }

  /** The policy of a slot in use. */
  Optional<EgressPolicy> policy() {
    return policy;
  }

  synchronized void apply(EgressPolicy next) {
    // Names that the new policy does not allow lose their addresses, the others keep them.
    change(next, name -> !next.pins(name));
    policy = Optional.of(next);
  }

  /** Shuts the slot and forgets everything of its user. */
  synchronized void clear() {
    policy = Optional.empty();
    change(EgressPolicy.SHUT, name -> true);
    pins = new Pins();
    refusals.clear();
    refusedByName = 0;
    filter.resetCounters(place.outer());
  }

  private void change(EgressPolicy next, Predicate<String> unpinned) {
    InForce now = new InForce(filter.nextGeneration(), PolicyElements.of(place.outer(), next));
    pins.removeNames(unpinned);
    Pins.Change change = pins.change();
    filter.apply(place.outer(), inForce, now, change.removed());
    pins.applied(new Pins.Change(List.of(), change.removed()));
    inForce = now;
  }

  synchronized void pin(String name, Collection<Inet4Address> addresses, Duration time) {
    if (policy.isEmpty() || !policy.get().pins(name)) {
      return; // the policy changed while the answer was on its way
    }
    pins.add(name, addresses, clock.instant(), time);
    Pins.Change change = pins.change();
    filter.pin(place.outer(), change.added(), change.removed());
    pins.applied(change);
  }

  synchronized boolean pinned(String name, Inet4Address address) {
    return pins.holds(name, address, clock.instant());
  }

  /** Keeps a refusal that the packet filter has counted. */
  synchronized void keep(Refusal refusal) {
    if (policy.isEmpty()) {
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
