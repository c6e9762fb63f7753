package dev.podflare.network;

/**
 * Something about the host that keeps the network from working, or from working well.
 *
 * @param fatal whether {@link Network#open} would fail
 * @param what a sentence
 * @param fix what to do, if possible a command
 */
public record Finding(boolean fatal, String what, String fix) {}
