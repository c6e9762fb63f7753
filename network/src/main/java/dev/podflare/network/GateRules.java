package dev.podflare.network;

import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.Optional;
import java.util.OptionalInt;

/** The gate's questions to policies and pins, and its records of refusals. Thread-safe. */
record GateRules(SlotAccess slots, InstantSource clock) {
  static final String CANNOT_BE_CHECKED = "cannot be checked";

  Ruling rule(
      Inet4Address slot, Optional<String> name, InetSocketAddress destination, boolean pinned) {
    if (slots.alwaysDenied(destination.getAddress())) {
      return Ruling.refused("always denied");
    }
    Optional<EgressPolicy> policy = slots.policy(slot);
    if (policy.isEmpty()) {
      return Ruling.refused("no such slot");
    }
    Ruling ruling =
        policy
            .get()
            .decideConnection(name, destination.getAddress(), destination.getPort(), pinned);
    return name.isEmpty() && ruling.equals(Ruling.refused("default deny"))
        ? Ruling.refused(CANNOT_BE_CHECKED)
        : ruling;
  }

  boolean pinned(Inet4Address slot, Optional<String> name, InetSocketAddress destination) {
    return name.isPresent() && slots.pinned(slot, name.get(), destination.getAddress());
  }

  void refused(
      Inet4Address slot, Optional<String> name, InetSocketAddress destination, String rule) {
    slots.refused(
        slot,
        new Refusal(
            clock.instant(),
            "tcp",
            name,
            Optional.of(destination.getAddress()),
            OptionalInt.of(destination.getPort()),
            rule));
  }
}
