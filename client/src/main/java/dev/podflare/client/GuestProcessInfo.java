package dev.podflare.client;

import java.util.Optional;

/**
 * A process of a guest, as its kernel tells it.
 *
 * @param state the kernel's letter, {@code R} for one that runs
 * @param cpuMs processor time so far, in milliseconds
 * @param residentBytes of memory that it has
 * @param command program and arguments, cut to 256 characters
 * @param processId of the started process whose first one it is
 */
public record GuestProcessInfo(
    long pid,
    long ppid,
    long uid,
    String state,
    long cpuMs,
    long residentBytes,
    String command,
    Optional<String> processId) {}
