package dev.podflare.engine;

import dev.podflare.network.EgressPolicy;
import dev.podflare.network.SlotReport;
import java.util.Optional;

/**
 * A sandbox's network as it was when it was looked at.
 *
 * @param networked whether the host gives guests a network at all
 * @param report what was moved and refused, where it was asked for
 */
public record NetworkView(EgressPolicy policy, boolean networked, Optional<SlotReport> report) {}
