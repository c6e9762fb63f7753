package dev.podflare.server;

import dev.podflare.engine.CapacityView;
import dev.podflare.engine.Engine;
import dev.podflare.engine.EngineInfo;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** What this node is and how it is. Thread-safe. */
final class InfoRoutes {
  private static final byte[] OK = "ok".getBytes(StandardCharsets.US_ASCII);

  private final Engine engine;
  private final ServerConfig config;
  private final Metrics metrics;

  InfoRoutes(Engine engine, ServerConfig config, Metrics metrics) {
    this.engine = engine;
    this.config = config;
    this.metrics = metrics;
  }

  List<Route> routes() {
    return List.of(
        new Route("GET", "/v1/healthz", Scope.PUBLIC, this::healthz),
        new Route("GET", "/v1/capacity", Scope.ANY, this::capacity),
        new Route("GET", "/v1/info", Scope.ANY, this::info),
        new Route("GET", "/metrics", Scope.ANY, this::metrics));
  }

  private void healthz(Exchange exchange) {
    exchange.context().status(200).contentType("text/plain").result(OK);
  }

  private void metrics(Exchange exchange) {
    exchange.context().status(200).contentType(Metrics.CONTENT_TYPE).result(metrics.text());
  }

  private void capacity(Exchange exchange) {
    CapacityView capacity = engine.capacity();
    Map<String, Object> templates = new LinkedHashMap<>();
    capacity
        .templates()
        .forEach((name, pool) ->
            templates.put(
                name,
                Json.object()
                    .put("ready", pool.ready())
                    .put("target", pool.target())
                    .put("blanks", pool.blanks())
                    .map()));
    exchange.answer(
        Json.object()
            .put("templates", templates)
            .put("sandboxes", capacity.sandboxes())
            .put("max_sandboxes", capacity.maxSandboxes())
            .put("memory_used_bytes", capacity.memoryUsedBytes())
            .put("memory_free_bytes", capacity.memoryFreeBytes())
            .put("disk_used_bytes", capacity.diskUsedBytes())
            .put("disk_free_bytes", capacity.diskFreeBytes())
            .put("accepting", capacity.accepting()));
  }

  private void info(Exchange exchange) {
    EngineInfo info = engine.info();
    exchange.answer(
        Json.object()
            .put("version", info.version())
            .put("accelerator", info.accelerator())
            .put("accelerator_reason", info.acceleratorReason())
            .put("qemu_version", info.qemuVersion())
            .put("defaults", defaults(info).map())
            .put("limits", limits(info).map())
            .putIfPresent("region", config.region())
            .putIfPresent("endpoint", config.endpoint()));
  }

  private static Json.Entries defaults(EngineInfo info) {
    return Json.object()
        .put("template", info.defaultTemplate())
        .put("vcpus", info.defaultVcpus())
        .put("ram_mib", info.defaultMemoryMebibytes())
        .put("rootfs_gb", info.defaultDiskGibibytes())
        .put("timeout_seconds", info.defaultTimeout().toSeconds())
        .put("idle_timeout_seconds", info.defaultIdleTimeout().toSeconds());
  }

  private Json.Entries limits(EngineInfo info) {
    OptionalInt perMinute = config.limits().requestsPerMinute();
    return Json.object()
        .put("vcpus", info.maxVcpus())
        .put("ram_mib", info.maxMemoryMebibytes())
        .put("rootfs_gb", info.maxDiskGibibytes())
        .put("timeout_seconds", info.maxTimeout().toSeconds())
        .put("idle_timeout_seconds", info.maxIdleTimeout().toSeconds())
        .put("sandboxes", info.maxSandboxes())
        .put("queued_executions", info.maxQueuedExecutions())
        .put("code_bytes", info.maxCodeBytes())
        .put("fork", info.maxFork())
        .put("undo", info.maxUndo())
        .put("processes", info.maxProcesses())
        .put("request_body_bytes", config.limits().maxBody().bytes())
        .put("requests_at_once", config.limits().maxRequests())
        .put("requests_per_minute", ExecAnswers.boxed(perMinute));
  }
}
