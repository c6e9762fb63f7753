package dev.podflare.engine;

/**
 * A volume in a sandbox.
 *
 * @param volume its id
 * @param name the owner's for it
 * @param path where it is in the guest
 */
public record SandboxMount(String volume, String name, String path, boolean readOnly) {}
