package dev.podflare.guest;

import java.time.Duration;

/**
 * A process of a guest, as its kernel tells it.
 *
 * @param state the kernel's letter: {@code R} runs, {@code S} and {@code D} wait, {@code T} is
 *     stopped, {@code Z} has ended and nobody has asked for it
 * @param cpu processor time so far
 * @param residentBytes of memory that it has
 * @param command program and arguments, cut to 256 characters
 */
public record GuestProcess(
    long pid,
    long ppid,
    long uid,
    String state,
    Duration cpu,
    long residentBytes,
    String command) {}
