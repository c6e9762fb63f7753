package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.common.SteadyClock;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SandboxRecords;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * Makes children of running sandboxes: each has the parent's memory, disk and processes of one
 * instant. All children or none; the parent goes on in any case. Thread-safe; forks of one sandbox
 * come one after another.
 */
final class Forks {
  private final EngineConfig config;
  private final Host host;
  private final CheckpointFolders folders;
  private final SideBySide machines =
      new SideBySide(2 * Math.max(1, Runtime.getRuntime().availableProcessors()));

  /** What a fork needs of the engine. */
  record Host(
      Shapes shapes,
      Admission admission,
      Sandboxes sandboxes,
      SandboxRecords records,
      Ids ids,
      EventBudget budget,
      Timers timers,
      Waker waker,
      SteadyClock clock) {}

  Forks(EngineConfig config, Host host, CheckpointFolders folders) {
    this.config = config;
    this.host = host;
    this.folders = folders;
  }

  ForkedSandboxes fork(Caller caller, String sandboxId, ForkRequest request) {
    check(request);
    Laps laps = new Laps();
    return host.sandboxes()
        .exclusively(caller, sandboxId, parent -> fork(caller, parent, request, laps));
  }

  private ForkedSandboxes fork(Caller caller, Sandbox parent, ForkRequest request, Laps laps) {
    host.shapes().copyBegins();
    try {
      parent.touch();
      if (request.reseed()) {
        Reseeding.requireIdle(parent);
      }
      laps.lap("wait");
      ForkedSandboxes forked = new ForkRun(this, caller, parent, request, laps).run();
      parent.guest().foldSoon();
      return forked;
    } finally {
      parent.touch();
      host.shapes().copyEnds();
    }
  }

  private void check(ForkRequest request) {
    int most = config.limits().maxFork();
    if (request.count() < 1 || request.count() > most) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "n must be 1 to " + most + ", not " + request.count(),
          Map.of("field", "n", "min", 1, "max", most));
    }
    request.metadata().ifPresent(pairs -> SandboxPlanner.checkPairs("metadata", pairs));
    request
        .timeout()
        .ifPresent(
            it -> SandboxPlanner.within("timeout_seconds", it, config.lifetimes().maxTimeout()));
  }

  /** Record of a child. */
  static SandboxRecord childRecord(
      SandboxRecord parent, ForkRequest request, String id, Instant now) {
    Instant expires = request.timeout().map(now::plus).orElse(parent.expiresAt());
    Duration left = Duration.between(now, expires);
    return new SandboxRecord(
        id,
        parent.keyId(),
        parent.template(),
        SandboxState.READY.wireName(),
        parent.vcpus(),
        parent.memoryMebibytes(),
        parent.diskGibibytes(),
        parent.persistent(),
        parent.autoResume(),
        parent.undo(),
        parent.network(),
        parent.mounts(),
        parent.secrets(),
        parent.env(),
        request.metadata().orElse(parent.metadata()),
        Optional.of(parent.id()),
        now,
        expires,
        request.timeout().orElse(left.isNegative() ? Duration.ZERO : left),
        parent.idleTimeout(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  EngineConfig config() {
    return config;
  }

  Host host() {
    return host;
  }

  CheckpointFolders folders() {
    return folders;
  }

  SideBySide machines() {
    return machines;
  }
}
