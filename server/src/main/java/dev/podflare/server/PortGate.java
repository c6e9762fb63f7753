package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * Takes the requests that are for guests before the API sees them: those have their own budget
 * ({@link PortConnections}) and take none of the API's places. Each runs on a virtual thread of its
 * own. Thread-safe.
 */
final class PortGate extends Handler.Wrapper {
  private static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");

  private final PortTargets targets;
  private final PortProxy proxy;
  private final Metrics metrics;

  PortGate(PortTargets targets, PortProxy proxy, Metrics metrics) {
    this.targets = targets;
    this.proxy = proxy;
    this.metrics = metrics;
  }

  /** What of the contract is served here, as {@code GET /v1/…}. */
  static Set<String> operations() {
    Set<String> operations = new TreeSet<>();
    METHODS.forEach(method -> operations.add(method + " " + PortTarget.Kind.PATH.route()));
    operations.add("GET " + PortTarget.Kind.TUNNEL.route());
    operations.add("GET " + PortTarget.Kind.TERMINAL.route());
    return operations;
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) throws Exception {
    Optional<PortTarget> target;
    try {
      target = targets.find(request);
    } catch (PodflareException refused) {
      RequestScope scope = begin(request, response);
      refuse(request, response, counted(request, response, callback, scope), refused);
      return true;
    }
    if (target.isEmpty()) {
      return super.handle(request, response, callback);
    }
    RequestScope scope = begin(request, response);
    scope.route(target.get().kind().route());
    Callback counted = counted(request, response, callback, scope);
    Thread.ofVirtual()
        .name("port of " + target.get().sandboxId())
        .start(() -> serve(request, response, counted, target.get()));
    return true;
  }

  private void serve(Request request, Response response, Callback callback, PortTarget target) {
    try {
      requireMethod(request);
      proxy.serve(request, response, callback, target);
    } catch (PodflareException refused) {
      refuse(request, response, callback, refused);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      callback.failed(stopped);
    } catch (Exception | Error failed) {
      callback.failed(failed);
    }
  }

  /** CONNECT and TRACE are for proxies and about them; other methods are the guest's to judge. */
  private static void requireMethod(Request request) {
    String method = request.getMethod();
    if (method.equals("CONNECT") || method.equals("TRACE")) {
      throw new PodflareException(
          ErrorCode.METHOD_NOT_ALLOWED, "a guest's port takes any method but CONNECT and TRACE");
    }
  }

  private static void refuse(
      Request request, Response response, Callback callback, PodflareException refused) {
    if (response.isCommitted()) {
      callback.failed(refused); // cuts the connection: the answer is not whole
      return;
    }
    if (refused.code() == ErrorCode.METHOD_NOT_ALLOWED) {
      response.getHeaders().put("Allow", String.join(", ", new TreeSet<>(METHODS)));
    }
    if (refused.code().httpStatus() == 401) {
      response.getHeaders().put("WWW-Authenticate", "Bearer");
    }
    Map<String, Object> details = refused.details();
    JettyErrors.write(request, response, callback, refused.code(), refused.sentence(), details);
  }

  private static RequestScope begin(Request request, Response response) {
    RequestScope scope = RequestScope.of(request.getHeaders().get(RequestScope.HEADER));
    request.setAttribute(RequestScope.ATTRIBUTE, scope);
    response.getHeaders().put(RequestScope.HEADER, scope.id());
    return scope;
  }

  private Callback counted(
      Request request, Response response, Callback callback, RequestScope scope) {
    AtomicBoolean ended = new AtomicBoolean();
    return new Callback.Nested(callback) {
      @Override
      public void completed() {
        if (ended.compareAndSet(false, true)) {
          metrics.request(
              scope.route(), request.getMethod(), response.getStatus(), scope.elapsedSeconds());
        }
      }
    };
  }
}
