package dev.podflare.engine;

import java.util.OptionalLong;

/**
 * A volume that is to be made.
 *
 * @param maxMebibytes most that its files may take; empty: as much as one may have
 */
public record VolumeRequest(String name, OptionalLong maxMebibytes) {}
