package dev.podflare.server.testing;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Caller;
import dev.podflare.engine.SandboxView;
import dev.podflare.engine.SavedView;
import dev.podflare.engine.SnapshotRequest;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Spaces or snapshots that exist by name only. Thread-safe. */
final class FakeSaved {
  private final ErrorCode missing;
  private final Map<String, SavedView> all = new LinkedHashMap<>();
  private final Map<String, String> owners = new LinkedHashMap<>();
  private final Map<String, SandboxView> states = new LinkedHashMap<>();

  FakeSaved(ErrorCode missing) {
    this.missing = missing;
  }

  synchronized SavedView add(
      Caller caller, Ids ids, SandboxView sandbox, Optional<SnapshotRequest> snapshot) {
    Optional<String> name = snapshot.flatMap(SnapshotRequest::name);
    if (name.isPresent() && all.values().stream().anyMatch(it -> it.name().equals(name))) {
      throw new PodflareException(ErrorCode.SNAPSHOT_EXISTS, "there is one of that name");
    }
    Instant now = Instant.now();
    SavedView view =
        new SavedView(
            snapshot.isPresent() ? ids.snapshot() : ids.space(),
            name,
            sandbox.id(),
            sandbox.template(),
            sandbox.vcpus(),
            sandbox.memoryMebibytes(),
            sandbox.diskGibibytes(),
            sandbox.metadata(),
            8 << 20,
            2 << 20,
            true,
            now,
            snapshot.flatMap(SnapshotRequest::life).map(now::plus));
    all.put(view.id(), view);
    owners.put(view.id(), caller.keyId());
    states.put(view.id(), sandbox);
    return view;
  }

  synchronized List<SavedView> list(Caller caller) {
    return all.values().stream()
        .filter(it -> caller.admin() || caller.keyId().equals(owners.get(it.id())))
        .toList();
  }

  synchronized SavedView find(Caller caller, String idOrName) {
    return list(caller).stream()
        .filter(it -> it.id().equals(idOrName) || it.name().filter(idOrName::equals).isPresent())
        .findFirst()
        .orElseThrow(() -> new PodflareException(missing, "there is no " + idOrName));
  }

  /** What the sandbox was. */
  synchronized SandboxView state(SavedView saved) {
    SandboxView state = states.get(saved.id());
    if (state == null) {
      throw new PodflareException(missing, "there is no " + saved.id());
    }
    return state;
  }

  synchronized void remove(Caller caller, String id) {
    if (list(caller).stream().anyMatch(it -> it.id().equals(id))) {
      all.remove(id);
    }
  }
}
