package dev.podflare.server;

import dev.podflare.engine.Engine;
import dev.podflare.engine.MountRequest;
import dev.podflare.engine.SandboxMount;
import dev.podflare.engine.VolumeRequest;
import dev.podflare.engine.VolumeView;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Folders that many sandboxes mount. Thread-safe. */
final class VolumeRoutes {
  private static final String ALL = "/v1/volumes";
  private static final String ONE = ALL + "/{volume}";
  private static final int MOST_MOUNTS = 64;

  private final Engine engine;
  private final Idempotency idempotency;

  VolumeRoutes(Engine engine, Idempotency idempotency) {
    this.engine = engine;
    this.idempotency = idempotency;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", ALL, Scope.WRITE, this::create),
        new Route("GET", ALL, Scope.READ, this::list),
        new Route("GET", ONE, Scope.READ, this::get),
        new Route("DELETE", ONE, Scope.WRITE, this::delete));
  }

  private void create(Exchange exchange) throws Exception {
    byte[] body = exchange.body();
    Fields fields = exchange.fields(body);
    VolumeRequest request =
        new VolumeRequest(
            fields.shortText("name").orElseThrow(() -> Fields.invalid("name", "given, as text")),
            fields.positiveLong("max_mib"));
    idempotency.answer(
        exchange,
        "POST " + ALL,
        body,
        UnaryOperator.identity(),
        () -> Json.bytes(record(engine.createVolume(exchange.caller(), request)).map()));
  }

  private void list(Exchange exchange) {
    List<Map<String, @Nullable Object>> all =
        engine.volumes(exchange.caller()).stream().map(it -> record(it).map()).toList();
    exchange.answer(Json.object().put("volumes", all));
  }

  private void get(Exchange exchange) {
    exchange.answer(record(engine.volume(exchange.caller(), exchange.path("volume"))));
  }

  private void delete(Exchange exchange) {
    boolean force = exchange.query("force").map(VolumeRoutes::flag).orElse(false);
    engine.deleteVolume(exchange.caller(), exchange.path("volume"), force);
    exchange.noContent();
  }

  private static boolean flag(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw Fields.invalid("force", "true or false");
    };
  }

  private static Json.Entries record(VolumeView volume) {
    return Json.object()
        .put("id", volume.id())
        .put("name", volume.name())
        .put("node", volume.node())
        .put("bytes", volume.here() ? volume.bytes() : null)
        .put("files", volume.here() ? volume.files() : null)
        .put("max_bytes", volume.maxBytes())
        .put("created_at", volume.createdAt())
        .put("mounted_in", volume.mountedIn());
  }

  /** What a create says of volumes. */
  static List<MountRequest> requests(Fields fields) {
    return fields.objects("mounts", MOST_MOUNTS).stream().map(VolumeRoutes::request).toList();
  }

  private static MountRequest request(Fields mount) {
    return new MountRequest(
        mount.shortText("volume").orElseThrow(() -> missing("mounts.volume")),
        mount.shortText("path").orElseThrow(() -> missing("mounts.path")),
        mount.flag("read_only").orElse(false),
        mount.flag("create").orElse(false));
  }

  private static RuntimeException missing(String field) {
    return Fields.invalid(field, "given, as text");
  }

  static List<Map<String, @Nullable Object>> mounts(List<SandboxMount> mounts) {
    return mounts.stream()
        .map(it ->
            Json.object()
                .put("volume", it.name())
                .put("volume_id", it.volume())
                .put("path", it.path())
                .put("read_only", it.readOnly())
                .map())
        .toList();
  }
}
