package dev.podflare.client;

/**
 * A volume in a sandbox.
 *
 * @param volume its name
 */
public record MountInfo(String volume, String volumeId, String path, boolean readOnly) {}
