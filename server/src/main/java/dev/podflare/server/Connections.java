package dev.podflare.server;

import jakarta.servlet.http.HttpServletRequest;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;

/** What Jetty knows of a request's connection. */
final class Connections {
  private Connections() {}

  /** Closes the connection, so that a half answer cannot be taken for a whole one. */
  static void cut(HttpServletRequest request) {
    ServletContextRequest.getServletContextRequest(request)
        .getConnectionMetaData()
        .getConnection()
        .getEndPoint()
        .close();
  }
}
