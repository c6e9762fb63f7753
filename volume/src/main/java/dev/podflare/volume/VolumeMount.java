package dev.podflare.volume;

/**
 * A volume as a guest may use it.
 *
 * @param volume its id
 * @param name by which the guest asks for it
 */
public record VolumeMount(String volume, String name, boolean readOnly) {}
