package dev.podflare.store.checkpoint;

import java.time.Clock;
import java.util.concurrent.Semaphore;

/**
 * What a store is made of, for its writers and readers.
 *
 * @param inFlight a permit for each plain byte that writers may have handed over
 */
record StoreParts(
    BlobStore blobs,
    CheckpointStoreConfig config,
    Clock clock,
    Workers workers,
    Chunks chunks,
    Manifests manifests,
    Semaphore inFlight) {}
