package dev.podflare.engine;

/**
 * A volume that a sandbox is to have.
 *
 * @param volume id, or the owner's name for it
 * @param path folder in the guest, which is made if it is missing; what was in it is hidden
 * @param create it is made if there is none of this name
 */
public record MountRequest(String volume, String path, boolean readOnly, boolean create) {}
