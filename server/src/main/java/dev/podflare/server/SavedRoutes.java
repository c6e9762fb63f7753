package dev.podflare.server;

import dev.podflare.engine.CleaningReport;
import dev.podflare.engine.Engine;
import dev.podflare.engine.ResumeRequest;
import dev.podflare.engine.SavedView;
import dev.podflare.engine.SnapshotRequest;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Sandboxes that stand still, Spaces and snapshots. Thread-safe. */
final class SavedRoutes {
  private static final String SANDBOX = "/v1/sandboxes/{id}";
  private static final String SPACES = "/v1/spaces";
  private static final String SPACE = SPACES + "/{space}";
  private static final String SNAPSHOTS = "/v1/snapshots";

  private final Engine engine;
  private final ServerConfig config;
  private final Idempotency idempotency;

  SavedRoutes(Engine engine, ServerConfig config, Idempotency idempotency) {
    this.engine = engine;
    this.config = config;
    this.idempotency = idempotency;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", SANDBOX + "/pause", Scope.WRITE, this::pause),
        new Route("POST", SANDBOX + "/resume", Scope.WRITE, this::resume),
        new Route("POST", SANDBOX + "/freeze", Scope.WRITE, this::freeze),
        new Route("POST", SANDBOX + "/snapshots", Scope.WRITE, this::snapshot),
        new Route("POST", SANDBOX + "/rollback", Scope.WRITE, this::rollBack),
        new Route("POST", SANDBOX + "/undo", Scope.WRITE, this::undo),
        new Route("GET", SPACES, Scope.READ, this::spaces),
        new Route("GET", SPACE, Scope.READ, this::space),
        new Route("DELETE", SPACE, Scope.WRITE, this::deleteSpace),
        new Route("POST", SPACE + "/resume", Scope.WRITE, this::resumeSpace),
        new Route("POST", "/v1/gc", Scope.ADMIN, this::clean),
        new Route("GET", SNAPSHOTS, Scope.READ, this::snapshots),
        new Route("DELETE", SNAPSHOTS + "/{snapshot}", Scope.WRITE, this::deleteSnapshot));
  }

  private void pause(Exchange exchange) {
    exchange.answer(SandboxAnswers.record(engine.pause(exchange.caller(), exchange.path("id"))));
  }

  private void resume(Exchange exchange) {
    exchange.answer(SandboxAnswers.record(engine.resume(exchange.caller(), exchange.path("id"))));
  }

  private void freeze(Exchange exchange) {
    exchange.answer(space(engine.freeze(exchange.caller(), exchange.path("id"))));
  }

  private void spaces(Exchange exchange) {
    exchange.answer(
        Json.object()
            .put(
                "spaces",
                engine.spaces(exchange.caller()).stream().map(it -> space(it).map()).toList()));
  }

  private void space(Exchange exchange) {
    exchange.answer(space(engine.space(exchange.caller(), exchange.path("space"))));
  }

  private void deleteSpace(Exchange exchange) {
    engine.deleteSpace(exchange.caller(), exchange.path("space"));
    exchange.noContent();
  }

  private void resumeSpace(Exchange exchange) throws Exception {
    byte[] body = exchange.body();
    ResumeRequest request = resumeRequest(exchange.fields(body));
    String id = exchange.path("space");
    idempotency.answer(
        exchange,
        "POST " + SPACES + "/" + id + "/resume",
        body,
        UnaryOperator.identity(),
        () ->
            Json.bytes(
                SandboxAnswers.created(engine.resumeSpace(exchange.caller(), id, request), config)
                    .map()));
  }

  private void snapshot(Exchange exchange) throws Exception {
    byte[] body = exchange.body();
    Fields fields = exchange.fields(body);
    SnapshotRequest request =
        new SnapshotRequest(fields.shortText("name"), fields.seconds("expires_in_seconds"));
    String id = exchange.path("id");
    idempotency.answer(
        exchange,
        "POST /v1/sandboxes/" + id + "/snapshots",
        body,
        UnaryOperator.identity(),
        () -> Json.bytes(snapshot(engine.snapshot(exchange.caller(), id, request)).map()));
  }

  private void rollBack(Exchange exchange) {
    String snapshot =
        exchange
            .fields()
            .shortText("snapshot")
            .orElseThrow(() -> Fields.invalid("snapshot", "id or name of a snapshot"));
    exchange.answer(
        SandboxAnswers.record(engine.rollBack(exchange.caller(), exchange.path("id"), snapshot)));
  }

  /** Repeatable by a key: a second one would take back more. */
  private void undo(Exchange exchange) throws Exception {
    byte[] body = exchange.body();
    int calls = exchange.fields(body).positive("n").orElse(1);
    String id = exchange.path("id");
    idempotency.answer(
        exchange,
        "POST /v1/sandboxes/" + id + "/undo",
        body,
        UnaryOperator.identity(),
        () -> Json.bytes(SandboxAnswers.record(engine.undo(exchange.caller(), id, calls)).map()));
  }

  private void snapshots(Exchange exchange) {
    List<Map<String, @Nullable Object>> all =
        engine.snapshots(exchange.caller()).stream().map(it -> snapshot(it).map()).toList();
    exchange.answer(Json.object().put("snapshots", all));
  }

  private void clean(Exchange exchange) {
    CleaningReport report = engine.cleanStore();
    exchange.answer(
        Json.object()
            .put("checkpoints", report.checkpoints())
            .put("chunks", report.chunks())
            .put("freed_bytes", report.freedBytes())
            .put("problems", report.problems()));
  }

  private void deleteSnapshot(Exchange exchange) {
    engine.deleteSnapshot(exchange.caller(), exchange.path("snapshot"));
    exchange.noContent();
  }

  private static ResumeRequest resumeRequest(Fields fields) {
    return new ResumeRequest(
        fields.seconds("timeout_seconds"),
        fields.seconds("idle_timeout_seconds"),
        fields.flag("persistent"),
        fields.flag("auto_resume"),
        fields.positive("undo"),
        fields.has("network") || fields.has("egress")
            ? Optional.of(PolicyBody.ofCreate(fields))
            : Optional.empty(),
        fields.has("metadata") ? Optional.of(CreateBody.metadata(fields)) : Optional.empty(),
        fields.flag("keep").orElse(false));
  }

  /** Of a create that names a snapshot: sizes and variables are the snapshot's. */
  static ResumeRequest fromSnapshot(Fields fields) {
    for (String fixed : List.of("template", "vcpus", "ram_mib", "rootfs_gb", "mounts", "env")) {
      if (fields.has(fixed)) {
        throw Fields.invalid(fixed, "left out with 'snapshot', which has its own");
      }
    }
    return resumeRequest(fields);
  }

  private static Json.Entries space(SavedView space) {
    return saved(space);
  }

  private static Json.Entries snapshot(SavedView snapshot) {
    return saved(snapshot).put("name", snapshot.name());
  }

  private static Json.Entries saved(SavedView saved) {
    return Json.object()
        .put("id", saved.id())
        .put("sandbox_id", saved.sandboxId())
        .put("template", saved.template())
        .put("vcpus", saved.vcpus())
        .put("ram_mib", saved.memoryMebibytes())
        .put("rootfs_gb", saved.diskGibibytes())
        .put("metadata", saved.metadata())
        .put("own_bytes", saved.ownBytes())
        .put("stored_bytes", saved.storedBytes())
        .put("any_node", saved.anyNode())
        .put("created_at", saved.createdAt())
        .put("expires_at", saved.expiresAt().map(java.time.Instant::toString));
  }
}
