package dev.podflare.engine;

import java.util.List;

/**
 * What outlives a machine: Spaces, which are sandboxes frozen into the checkpoint store, and
 * snapshots. Errors as with {@link Engine}; {@code STORE_UNAVAILABLE} and {@code
 * CHECKPOINT_CORRUPT} of the store, {@code CHECKPOINT_UNFIT} where this host cannot restore what
 * was saved.
 */
public interface SavedStates {
  /**
   * Puts the sandbox into the store and then ends its machine. If the store does not take it, the
   * sandbox goes on as it was. Repeating it is no error.
   */
  SavedView freeze(Caller caller, String sandboxId);

  List<SavedView> spaces(Caller caller);

  /** {@code SPACE_NOT_FOUND} also after it was resumed. */
  SavedView space(Caller caller, String spaceId);

  /** Goes on with a Space as a new sandbox; the Space is used up unless it is to be kept. */
  CreatedSandbox resumeSpace(Caller caller, String spaceId, ResumeRequest request);

  /** Removes a Space and the sandbox that is frozen in it. Repeating it is no error. */
  void deleteSpace(Caller caller, String spaceId);

  /** Saves the sandbox as it is; it goes on. {@code SNAPSHOT_EXISTS} if the name is taken. */
  SavedView snapshot(Caller caller, String sandboxId, SnapshotRequest request);

  List<SavedView> snapshots(Caller caller);

  /**
   * A new sandbox that goes on where a snapshot was taken; by its id or the owner's name for it.
   */
  CreatedSandbox createFrom(Caller caller, String snapshot, ResumeRequest request);

  /**
   * Takes the sandbox back to a snapshot: it keeps id, deadlines, metadata and network policy, and
   * its running calls end.
   */
  SandboxView rollBack(Caller caller, String sandboxId, String snapshot);

  /** Removes from the store what no Space and no snapshot needs; also done every hour. */
  CleaningReport cleanStore();

  /** Repeating it is no error. */
  void deleteSnapshot(Caller caller, String snapshotId);
}
