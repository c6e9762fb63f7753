package dev.podflare.server;

import dev.podflare.engine.CreatedSandbox;
import dev.podflare.engine.SandboxPage;
import dev.podflare.engine.SandboxView;
import dev.podflare.network.EgressPolicy;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Sandboxes as the wire shows them. */
final class SandboxAnswers {
  private SandboxAnswers() {}

  static Json.Entries record(SandboxView sandbox) {
    return Json.object()
        .put("id", sandbox.id())
        .put("state", sandbox.state().wireName())
        .put("template", sandbox.template())
        .put("vcpus", sandbox.vcpus())
        .put("ram_mib", sandbox.memoryMebibytes())
        .put("rootfs_gb", sandbox.diskGibibytes())
        .put("persistent", sandbox.persistent())
        .put("auto_resume", sandbox.autoResume())
        .put("undo", sandbox.undo().map(SandboxAnswers::undo))
        .put("egress", sandbox.network().fallback() == EgressPolicy.Default.ALLOW)
        .put("network", NetworkAnswers.policy(sandbox.network()).map())
        .put("mounts", VolumeRoutes.mounts(sandbox.mounts()))
        .put("networked", sandbox.networked())
        .put("metadata", sandbox.metadata())
        .put("parent", sandbox.parent())
        .put("created_at", sandbox.createdAt())
        .put("expires_at", sandbox.expiresAt())
        .put("timeout_seconds", sandbox.timeout().toSeconds())
        .put("idle_timeout_seconds", sandbox.idleTimeout().toSeconds())
        .put("last_active_at", sandbox.lastActiveAt())
        .put("own_memory_bytes", sandbox.ownMemoryBytes())
        .put("disk_bytes", sandbox.diskBytes());
  }

  private static Map<String, @Nullable Object> undo(SandboxView.Undo undo) {
    return Json.object().put("keep", undo.keep()).put("available", undo.available()).map();
  }

  static Json.Entries created(CreatedSandbox created, ServerConfig config) {
    return record(created.sandbox())
        .put("source", created.source())
        .put("timings_ms", created.timings())
        .putIfPresent("region", config.region())
        .putIfPresent("endpoint", config.endpoint());
  }

  static Json.Entries page(SandboxPage page) {
    List<Map<String, @Nullable Object>> records =
        page.sandboxes().stream().map(sandbox -> record(sandbox).map()).toList();
    return Json.object().put("sandboxes", records).put("next_cursor", page.nextCursor());
  }
}
