package dev.podflare.network;

import java.util.Map;

/**
 * Slots of an earlier daemon whose guests go on, each with the policy that is to stay in force.
 * Immutable.
 *
 * @param policies by number of the slot, see {@link Slot#index}
 */
public record KeptSlots(Map<Integer, GuestAccess> policies) {
  /** Nothing is kept. */
  public static final KeptSlots NONE = new KeptSlots(Map.of());

  public KeptSlots {
    policies = Map.copyOf(policies);
  }

  boolean isEmpty() {
    return policies.isEmpty();
  }
}
