package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import java.nio.ByteBuffer;
import java.util.Map;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/** Answers of requests that Jetty refuses before any route sees them. Thread-safe. */
final class JettyErrors extends ErrorHandler {
  private static final HttpField JSON = new HttpField(HttpHeader.CONTENT_TYPE, "application/json");
  private static final String UNREADABLE = "the request is no well-formed HTTP/1.1";

  private final Metrics metrics;

  JettyErrors(Metrics metrics) {
    this.metrics = metrics;
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) {
    int status = response.getStatus();
    ErrorCode code = Errors.ofStatus(status);
    if (!(request.getAttribute(RequestScope.ATTRIBUTE) instanceof RequestScope)) {
      metrics.refusedByJetty(code.httpStatus());
    }
    write(request, response, callback, code, sentence(code, request), Map.of());
    return true;
  }

  /** Writes a whole answer without Javalin. */
  static void write(
      Request request,
      Response response,
      Callback callback,
      ErrorCode code,
      String sentence,
      Map<String, Object> details) {
    response.setStatus(code.httpStatus());
    HttpFields.Mutable headers = response.getHeaders();
    headers.put(JSON);
    headers.put(RequestScope.HEADER, id(request));
    Errors.retryAfter(code, details).ifPresent(s -> headers.put(HttpHeader.RETRY_AFTER, s));
    byte[] body = Errors.body(code, sentence, details);
    headers.put(HttpHeader.CONTENT_LENGTH, body.length);
    response.write(true, ByteBuffer.wrap(body), callback);
  }

  private static String id(Request request) {
    return request.getAttribute(RequestScope.ATTRIBUTE) instanceof RequestScope scope
        ? scope.id()
        : RequestScope.newId();
  }

  private static String sentence(ErrorCode code, Request request) {
    return switch (code) {
      case URI_TOO_LONG -> "the address is too long; a request's head may have 16 KiB";
      case HEADERS_TOO_LARGE -> "the headers are too large; a request's head may have 16 KiB";
      case INTERNAL -> "something went wrong in Podflare";
      default ->
          request.getAttribute(ErrorHandler.ERROR_EXCEPTION) instanceof HttpException refused
                  && refused.getReason() != null
              ? UNREADABLE + ": " + refused.getReason()
              : UNREADABLE;
    };
  }
}
