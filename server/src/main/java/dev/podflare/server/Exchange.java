package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Caller;
import io.javalin.http.Context;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One request on its way through a route. One thread. */
final class Exchange implements AutoCloseable {
  private final Context context;
  private final RequestScope scope;
  private final JsonBodies bodies;
  private final BodyBudget.Share share;

  Exchange(Context context, RequestScope scope, JsonBodies bodies, BodyBudget.Share share) {
    this.context = context;
    this.scope = scope;
    this.bodies = bodies;
    this.share = share;
  }

  Context context() {
    return context;
  }

  Caller caller() {
    return scope.identity().caller();
  }

  /** For a route that needs more than one scope. */
  void require(Scope other) {
    scope.identity().require(other);
  }

  String requestId() {
    return scope.id();
  }

  String path(String name) {
    return context.pathParam(name);
  }

  /** A query parameter; given twice it is refused. */
  Optional<String> query(String name) {
    List<String> values = context.queryParams(name);
    if (values.size() > 1) {
      throw Fields.invalid(name, "given once");
    }
    return values.stream().findFirst();
  }

  Optional<String> header(String name) {
    return Optional.ofNullable(context.header(name));
  }

  byte[] body() {
    return bodies.read(context.req(), share);
  }

  Fields fields(byte[] body) {
    return bodies.parse(body);
  }

  Fields fields() {
    return fields(body());
  }

  /** The body was taken over by somebody who counts it for himself. */
  void releaseBody() {
    share.close();
  }

  void answer(Json.Entries object) {
    answer(200, Json.bytes(object.map()));
  }

  void answer(int status, byte[] json) {
    context.status(status).contentType("application/json").result(json);
  }

  void noContent() {
    context.status(204);
  }

  static PodflareException notYet(String sentence) {
    return new PodflareException(ErrorCode.NOT_AVAILABLE_YET, sentence, Map.of());
  }

  @Override
  public void close() {
    share.close();
  }
}
