/** Sends lifecycle events to receivers, signed, in order, and again until they are taken. */
@org.jspecify.annotations.NullMarked
package dev.podflare.webhook;
