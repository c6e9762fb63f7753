/** Slots for machines, and what a guest may reach: policy, packet filter, resolver, gate. */
@org.jspecify.annotations.NullMarked
package dev.podflare.network;
