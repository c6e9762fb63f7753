/**
 * Checkpoints as content-addressed chunks, in a folder or in S3. {@link
 * dev.podflare.store.checkpoint.CheckpointStore} is the entry.
 */
@org.jspecify.annotations.NullMarked
package dev.podflare.store.checkpoint;
