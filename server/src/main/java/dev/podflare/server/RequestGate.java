package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * The first thing a request meets: it gets its id, is counted, and is refused when too many are at
 * work (virtual threads know no limit) or the server is stopping. Thread-safe.
 */
final class RequestGate extends Handler.Wrapper {
  private final int limit;
  private final Semaphore free;
  private final Metrics metrics;
  private volatile boolean stopping;

  RequestGate(int limit, Metrics metrics) {
    this.limit = limit;
    this.free = new Semaphore(limit);
    this.metrics = metrics;
    metrics.inFlight(() -> limit - free.availablePermits());
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) throws Exception {
    RequestScope scope = RequestScope.of(request.getHeaders().get(RequestScope.HEADER));
    request.setAttribute(RequestScope.ATTRIBUTE, scope);
    response.getHeaders().put(RequestScope.HEADER, scope.id());
    if (stopping) {
      return refuse(request, response, callback, ErrorCode.SHUTTING_DOWN, "this node is stopping");
    }
    if (!free.tryAcquire()) {
      return refuse(
          request,
          response,
          callback,
          ErrorCode.HOST_FULL,
          "this node is at work on " + limit + " requests, which is its limit");
    }
    Callback counted = new Counted(callback, request, response, scope);
    try {
      if (!super.handle(request, response, counted)) {
        String sentence = "there is nothing at this address";
        JettyErrors.write(
            request, response, counted, ErrorCode.ROUTE_NOT_FOUND, sentence, Map.of());
      }
      return true;
    } catch (Throwable failed) {
      counted.failed(failed);
      return true;
    }
  }

  /**
   * Refuses new requests and waits for those at work.
   *
   * @return whether all ended in time
   */
  boolean drain(Duration patience) throws InterruptedException {
    stopping = true;
    boolean all = free.tryAcquire(limit, patience.toMillis(), TimeUnit.MILLISECONDS);
    if (all) {
      free.release(limit);
    }
    return all;
  }

  private boolean refuse(
      Request request, Response response, Callback callback, ErrorCode code, String sentence) {
    metrics.request("refused", request.getMethod(), code.httpStatus(), 0);
    JettyErrors.write(request, response, callback, code, sentence, Map.of());
    return true;
  }

  /** Counts the request when its answer is complete, once. */
  private final class Counted extends Callback.Nested {
    private final Request request;
    private final Response response;
    private final RequestScope scope;
    private final AtomicBoolean ended = new AtomicBoolean();

    Counted(Callback callback, Request request, Response response, RequestScope scope) {
      super(callback);
      this.request = request;
      this.response = response;
      this.scope = scope;
    }

    @Override
    public void completed() {
      if (ended.compareAndSet(false, true)) {
        free.release();
        metrics.request(
            scope.route(), request.getMethod(), response.getStatus(), scope.elapsedSeconds());
      }
    }
  }
}
