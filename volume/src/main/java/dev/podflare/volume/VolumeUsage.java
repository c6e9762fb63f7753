package dev.podflare.volume;

/**
 * What a volume holds.
 *
 * @param bytes sum of its files' sizes; holes count
 * @param files files, folders and links, without its root
 */
public record VolumeUsage(long bytes, long files) {}
