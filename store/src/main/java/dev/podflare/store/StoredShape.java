package dev.podflare.store;

/**
 * A frozen shape in the checkpoint store, for nodes that have not booted it.
 *
 * @param image names its memory, as the checkpoints that stand on it do
 * @param checkpoint id in the checkpoint store
 * @param template name of the template, and {@code templateDigest} of its build
 * @param storedBytes that it added to the checkpoint store
 */
public record StoredShape(
    String image, String checkpoint, String template, String templateDigest, long storedBytes) {}
