package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.common.SteadyClock;
import dev.podflare.store.SavedMachines;
import dev.podflare.store.Store;
import dev.podflare.store.StoredShapes;
import dev.podflare.store.checkpoint.CheckpointStore;
import dev.podflare.store.checkpoint.GcReport;
import dev.podflare.store.checkpoint.StoredCheckpoint;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Removes from the checkpoint store what nobody needs: checkpoints of these records that no record
 * names, then chunks that no checkpoint has; and lets go of frozen shapes that no checkpoint stands
 * on. Others may keep checkpoints in the same store: theirs are left alone. One thread at a time.
 */
final class StoreCleaning {
  /** A checkpoint is stored before it is recorded, and that takes a while. */
  private static final Duration YOUNG = Duration.ofHours(1);

  /** A frozen shape that was needed lately is perhaps needed again, and is long to store. */
  private static final Duration SHAPE_LIFE = Duration.ofHours(24);

  private final CheckpointStore store;
  private final SavedMachines saved;
  private final StoredShapes stored;
  private final Sandboxes sandboxes;
  private final ShapeSharing sharing;
  private final Shapes shapes;
  private final MachineSaver.Identity identity;
  private final SteadyClock clock;

  StoreCleaning(
      CheckpointStore store,
      Store records,
      Forks.Host host,
      ShapeSharing sharing,
      MachineSaver.Identity identity) {
    this.store = store;
    this.saved = records.saved();
    this.stored = records.shapes();
    this.shapes = host.shapes();
    this.sandboxes = host.sandboxes();
    this.sharing = sharing;
    this.identity = identity;
    this.clock = host.clock();
  }

  synchronized CleaningReport run() {
    saved.deleteStrayLast();
    stored.forget(clock.earliest().minus(SHAPE_LIFE));
    Set<String> promised = stored.checkpoints();
    List<String> problems = new ArrayList<>();
    Instant before = clock.earliest().minus(YOUNG);
    List<String> ids = store.ids();
    stored.forgetLost(promised, Set.copyOf(ids));
    shareWhatIsNeeded();
    Set<String> named = new HashSet<>(saved.checkpoints());
    named.addAll(stored.checkpoints());
    long deleted =
        ids.stream()
            .filter(id -> !named.contains(id) && isOurs(id, before, problems) && store.delete(id))
            .count();
    GcReport chunks = store.collect();
    problems.addAll(chunks.problems());
    Set<String> images = new HashSet<>(saved.images());
    sandboxes.all().forEach(it -> images.add(it.guest().shape().frozen().image()));
    shapes.keepPinned(identity.instance(), images, before);
    shapes.keepFetched(images, before);
    return new CleaningReport(deleted, chunks.deletedChunks(), chunks.freedBytes(), problems);
  }

  /**
   * Has the frozen shapes stored that other nodes may need and that are not: a daemon may have been
   * killed before it had, or somebody lost them. Says of those of sandboxes that will be frozen
   * that they are still needed.
   */
  void shareWhatIsNeeded() {
    if (sharing.on()) {
      sandboxes.all().stream()
          .filter(it -> it.record().persistent())
          .forEach(it -> sharing.share(it.guest().shape().frozen()));
      Set<String> missing = new HashSet<>(saved.images());
      missing.removeAll(stored.images());
      shapes.here(missing).forEach(sharing::share);
    }
  }

  private boolean isOurs(String id, Instant before, List<String> problems) {
    try {
      StoredCheckpoint checkpoint = store.read(id);
      return checkpoint.createdAt().isBefore(before)
          && identity.owner().equals(ownerOf(id, checkpoint.attributes()));
    } catch (PodflareException e) {
      if (e.code() != ErrorCode.CHECKPOINT_NOT_FOUND && e.code() != ErrorCode.CHECKPOINT_UNFIT) {
        problems.add(e.sentence());
      }
      return false;
    }
  }

  private static @Nullable String ownerOf(String id, String attributes) {
    Optional<ShapeNeeds> shape = ShapeNeeds.parse(attributes);
    return shape.isPresent() ? shape.get().owner() : CheckpointNeeds.parse(id, attributes).owner();
  }
}
