package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.network.GuestAccess;
import java.util.List;
import java.util.Map;

/** Keeps the best of several forks under the id that their parent had. Thread-safe. */
final class Merges {
  private final Sandboxes sandboxes;

  Merges(Sandboxes sandboxes) {
    this.sandboxes = sandboxes;
  }

  void merge(Caller caller, String parentId, String winnerId, boolean closeSiblings) {
    if (parentId.equals(winnerId)) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "a sandbox cannot be merged into itself",
          Map.of("field", "winner", "sandbox_id", winnerId));
    }
    // Always in the same order, so that two merges never wait for each other.
    boolean parentFirst = parentId.compareTo(winnerId) < 0;
    Sandbox first = lock(caller, parentFirst ? parentId : winnerId);
    try {
      Sandbox second = lock(caller, parentFirst ? winnerId : parentId);
      try {
        mergeLocked(parentFirst ? first : second, parentFirst ? second : first, closeSiblings);
      } finally {
        second.unlockFamily();
      }
    } finally {
      first.unlockFamily();
    }
  }

  /** One that was merged already is not there, to a merge. */
  private Sandbox lock(Caller caller, String id) {
    try {
      return sandboxes.findAndLock(caller, id);
    } catch (PodflareException e) {
      if (CloseReason.MERGED.wireName().equals(e.details().get("reason"))) {
        throw new PodflareException(ErrorCode.SANDBOX_NOT_FOUND, e.sentence(), e.details(), e);
      }
      throw e;
    }
  }

  private void mergeLocked(Sandbox parent, Sandbox winner, boolean closeSiblings) {
    String parentId = parent.record().id();
    if (!sandboxes.descends(winner.record(), parentId)) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          winner.record().id() + " is no fork of " + parentId,
          Map.of("field", "winner", "sandbox_id", winner.record().id()));
    }
    winner.requireState(SandboxState.READY);
    List<Sandbox> siblings =
        closeSiblings
            ? sandboxes.childrenOf(parentId).stream().filter(it -> it != winner).toList()
            : List.of();
    GuestAccess own = winner.access();
    try {
      sandboxes.merge(parent, winner);
    } catch (RuntimeException e) {
      winner.guest().setNetwork(own);
      throw e;
    }
    winner.guest().setName(parentId);
    siblings.forEach(sibling -> sandboxes.close(sibling, CloseReason.DELETED));
  }
}
