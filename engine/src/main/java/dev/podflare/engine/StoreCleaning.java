package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.common.SteadyClock;
import dev.podflare.store.SavedMachines;
import dev.podflare.store.checkpoint.CheckpointStore;
import dev.podflare.store.checkpoint.GcReport;
import dev.podflare.store.checkpoint.StoredCheckpoint;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Removes from the checkpoint store what nobody needs: checkpoints of these records that no record
 * names, then chunks that no checkpoint has; and lets go of frozen shapes that no checkpoint stands
 * on. Others may keep checkpoints in the same store: theirs are left alone. One thread at a time.
 */
final class StoreCleaning {
  /** A checkpoint is stored before it is recorded, and that takes a while. */
  private static final Duration YOUNG = Duration.ofHours(1);

  private final CheckpointStore store;
  private final SavedMachines saved;
  private final Shapes shapes;
  private final MachineSaver.Identity identity;
  private final SteadyClock clock;

  StoreCleaning(
      CheckpointStore store,
      SavedMachines saved,
      Shapes shapes,
      MachineSaver.Identity identity,
      SteadyClock clock) {
    this.store = store;
    this.saved = saved;
    this.shapes = shapes;
    this.identity = identity;
    this.clock = clock;
  }

  synchronized CleaningReport run() {
    saved.deleteStrayLast();
    List<String> problems = new ArrayList<>();
    Instant before = clock.earliest().minus(YOUNG);
    List<String> ids = store.ids();
    Set<String> named = saved.checkpoints();
    long deleted =
        ids.stream()
            .filter(id -> !named.contains(id) && isOurs(id, before, problems) && store.delete(id))
            .count();
    GcReport chunks = store.collect();
    problems.addAll(chunks.problems());
    shapes.keepPinned(identity.instance(), saved.images(), before);
    return new CleaningReport(deleted, chunks.deletedChunks(), chunks.freedBytes(), problems);
  }

  private boolean isOurs(String id, Instant before, List<String> problems) {
    try {
      StoredCheckpoint checkpoint = store.read(id);
      return checkpoint.createdAt().isBefore(before)
          && CheckpointNeeds.parse(id, checkpoint.attributes()).owner().equals(identity.owner());
    } catch (PodflareException e) {
      if (e.code() != ErrorCode.CHECKPOINT_NOT_FOUND && e.code() != ErrorCode.CHECKPOINT_UNFIT) {
        problems.add(e.sentence());
      }
      return false;
    }
  }
}
