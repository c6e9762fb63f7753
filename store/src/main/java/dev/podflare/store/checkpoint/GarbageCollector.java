package dev.podflare.store.checkpoint;

import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;

/**
 * One collection: reads every manifest (the mark), then deletes chunks that none of them has and
 * that are old (the sweep). Readers need no care: whoever reads a checkpoint that is there has its
 * chunks. Writers are the matter, in this process or elsewhere: they use chunks that no manifest
 * has yet. Nobody holds locks for them. They keep these rules, with G the grace and S the time to
 * settle:
 *
 * <ol>
 *   <li>A writer commits within G/3 of its begin, or fails.
 *   <li>It uses a chunk that is there as it is only if that was last modified within G/3; else it
 *       puts the chunk again, which makes it young.
 *   <li>It puts no chunk under a name that is condemned, but under a variant of it. It may know the
 *       condemned names as they were up to S/2 before the end of its put; if the put took longer,
 *       it does it again.
 *   <li>The collector condemns chunks only if they were last modified more than G before its mark
 *       began, and no manifest of the mark has them.
 *   <li>It lists what it condemns as an object, waits S, looks at each chunk once more, and deletes
 *       it if it is still old. The list goes when all its deletes have ended.
 * </ol>
 *
 * <p>Let a manifest M that the mark did not see have chunk X, and X be condemned. M's writer
 * committed after the mark began at T, so by (1) it touched X after T - G/3. If it used X as it
 * was, X was younger than T - 2G/3 by (2), and was not condemned by (4). So it put X. If it knew
 * that X was condemned, it did not put it under that name (3). If it did not know, it asked before
 * the list was there, so its put had ended S/2 later, before the collector's second look, which
 * found X young (5). So X is there. The third third of G is what the clocks of writer, collector
 * and back end may differ by. It does not matter how many collectors there are, whether one is
 * killed at any moment, or how long it sleeps: its list stays, and is obeyed, until it is older
 * than G.
 *
 * <p>A manifest that cannot be read might have any chunk: then nothing is deleted. One thread.
 */
final class GarbageCollector {
  private static final int ROUND = 20_000; // condemned names at once: a list of 1.5 MB

  private final StoreParts store;
  private final Condemned condemned;
  private final Duration grace;
  private final ReferencedChunks referenced = new ReferencedChunks();
  private final List<String> problems = new ArrayList<>();
  private long checkpoints;
  private long deletedChunks;
  private long freedBytes;

  GarbageCollector(StoreParts store) {
    this.store = store;
    this.condemned = store.chunks().condemned();
    this.grace = store.config().grace();
  }

  GcReport collect() {
    store.blobs().tidy();
    Optional<GcLease> lease = GcLease.take(store.blobs(), grace.dividedBy(3), store.clock());
    if (lease.isEmpty()) {
      return GcReport.nothing(0, List.of("another collection is under way"));
    }
    try {
      Instant oldBefore = store.clock().instant().minus(grace);
      condemned.forgetBefore(oldBefore);
      mark();
      if (problems.isEmpty()) {
        sweep(oldBefore);
      }
    } finally {
      lease.get().close();
    }
    return new GcReport(checkpoints, deletedChunks, freedBytes, problems);
  }

  private void mark() {
    for (String name : store.manifests().names()) {
      String id = name.substring(CheckpointManifest.FOLDER.length());
      if (Ids.wellFormed("chk", id)) {
        mark(id);
      } else {
        problems.add("not known, and may have chunks: " + name);
      }
    }
  }

  private void mark(String id) {
    try {
      store.manifests().load(id).ifPresent(this::mark);
    } catch (PodflareException e) {
      problems.add(id + " cannot be read, and may have any chunk: " + e.sentence());
    }
  }

  private void mark(CheckpointManifest manifest) {
    checkpoints++;
    for (CheckpointManifest.Part part : manifest.parts().values()) {
      part.windows().forEach(window -> window.chunk().ifPresent(referenced::add));
    }
  }

  private void sweep(Instant oldBefore) {
    List<BlobInfo> old = new ArrayList<>();
    store
        .blobs()
        .all(
            ChunkRef.FOLDER,
            chunk -> {
              if (isGarbage(chunk, oldBefore)) {
                old.add(chunk);
              }
              if (old.size() >= ROUND) {
                delete(old, oldBefore);
                old.clear();
              }
            });
    delete(old, oldBefore);
  }

  /** An object with another name is none of ours, and stays. */
  private boolean isGarbage(BlobInfo chunk, Instant oldBefore) {
    return chunk.lastModified().isBefore(oldBefore)
        && ChunkRef.ofName(chunk.name()).filter(ref -> !referenced.has(ref)).isPresent();
  }

  private void delete(List<BlobInfo> garbage, Instant oldBefore) {
    if (garbage.isEmpty()) {
      return;
    }
    String list = condemned.publish(garbage.stream().map(BlobInfo::name).toList());
    settle();
    List<Future<Boolean>> deletes =
        garbage.stream()
            .map(chunk -> store.workers().submit(() -> deleteIfOld(chunk.name(), oldBefore)))
            .toList();
    boolean certain = true;
    for (int i = 0; i < deletes.size(); i++) {
      certain &= count(deletes.get(i), garbage.get(i));
    }
    if (certain) {
      condemned.withdraw(list);
    }
  }

  private boolean deleteIfOld(String name, Instant oldBefore) {
    boolean old =
        store.blobs().head(name).filter(it -> it.lastModified().isBefore(oldBefore)).isPresent();
    if (old) {
      store.blobs().delete(name);
    }
    return old;
  }

  /** Whether the delete has ended for certain. */
  private boolean count(Future<Boolean> delete, BlobInfo chunk) {
    try {
      if (Workers.await(delete)) {
        deletedChunks++;
        freedBytes += chunk.size();
      }
      return true;
    } catch (PodflareException e) {
      problems.add(chunk.name() + " was perhaps not deleted: " + e.sentence());
      return false;
    }
  }

  private void settle() {
    try {
      Thread.sleep(store.config().settle());
    } catch (InterruptedException e) {
      throw Workers.interrupted(e);
    }
  }
}
